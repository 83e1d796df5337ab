package explore

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/api"
)

// use runs f in a session, to find out what there is.
func (m *MCP) use(ctx context.Context, use api.Use, f func(ctx context.Context, s *mcp.ClientSession) error) error {
	_, err := m.through(ctx, false, func(ctx context.Context, c *api.MCPClient) error { return c.Use(ctx, use, f) })
	return err
}

// asked runs f in a session, for what the user asked for.
func (m *MCP) asked(ctx context.Context, use api.Use, f func(ctx context.Context, s *mcp.ClientSession) error) (run uint64, err error) {
	run, err = m.through(ctx, true, func(ctx context.Context, c *api.MCPClient) error { return c.Use(ctx, use, f) })
	return run, inRun(run, err)
}

// Server says who the server is. It is asked anew where no session is open.
func (m *MCP) Server(ctx context.Context) (*Server, error) {
	var out *Server
	err := m.use(ctx, api.Use{Described: true}, func(_ context.Context, s *mcp.ClientSession) error {
		out = serverOf(s.InitializeResult())
		return nil
	})
	return out, err
}

func serverOf(r *mcp.InitializeResult) *Server {
	out := &Server{Protocol: r.ProtocolVersion, Instructions: Said(r.Instructions)}
	if i := r.ServerInfo; i != nil {
		out.Name, out.Title, out.Version, out.Website = Said(i.Name), Said(i.Title), Said(i.Version), Said(i.WebsiteURL)
		out.Description = Said(i.Description)
	}
	if can := r.Capabilities; can != nil {
		out.Can = Capabilities{
			Tools: can.Tools != nil, Resources: can.Resources != nil, Prompts: can.Prompts != nil,
			Subscribe:   can.Resources != nil && can.Resources.Subscribe,
			Completions: can.Completions != nil, Logging: declares(can, "logging"),
			Extensions: namesOf(can.Extensions), Experimental: namesOf(can.Experimental),
		}
	}
	return out
}

// declares reports whether a capability is there that the SDK has no use for any
// more.
func declares(can *mcp.ServerCapabilities, name string) bool {
	var all map[string]json.RawMessage
	_ = json.Unmarshal(written(can), &all)
	_, there := all[name]
	return there
}

// maxNames bounds the extensions of one server that are kept.
const maxNames = 100

func namesOf(m map[string]any) []Said {
	var out []Said
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if len(out) == maxNames {
			break
		}
		out = append(out, Said(name))
	}
	return out
}
