package explore

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/yosida95/uritemplate/v3"

	"waybill/api"
	"waybill/fault"
)

// maxPages bounds the pages of one listing.
const maxPages = 1000

// codeNoMethod is the Fault code of a method that the server does not have.
const codeNoMethod = "method_not_found"

// pager fetches the page at cursor.
type pager[T any] func(ctx context.Context, s *mcp.ClientSession, cursor string) (items []T, next string, err error)

// list reads a listing to its end, or to what is kept at most. A server that
// lists in a circle is at its end, too. What it has no method for it lists
// nothing of.
func list[T any](ctx context.Context, m *MCP, raw bool, page pager[T]) (*List[T], error) {
	var out *List[T]
	err := m.use(ctx, api.Use{Raw: raw}, func(ctx context.Context, s *mcp.ClientSession) error {
		out = &List[T]{}
		seen := map[string]bool{"": true}
		for cursor := ""; ; {
			items, next, err := page(ctx, s, cursor)
			if err != nil {
				return err
			}
			out.Pages++
			out.Items = append(out.Items, items...)
			if len(out.Items) > MaxListed || out.Pages == maxPages && next != "" {
				out.Items, out.Cut = out.Items[:min(len(out.Items), MaxListed)], true
				return nil
			}
			if next == "" {
				return nil
			}
			if seen[next] {
				out.Cut = true
				return nil
			}
			seen[next], cursor = true, next
		}
	})
	if f := fault.As(err); err != nil && f.Code == codeNoMethod {
		return &List[T]{}, nil
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Resources lists the resources.
func (m *MCP) Resources(ctx context.Context) (*List[Resource], error) {
	out, err := list(ctx, m, false, func(ctx context.Context, s *mcp.ClientSession, cursor string) ([]Resource, string, error) {
		res, err := s.ListResources(ctx, &mcp.ListResourcesParams{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		var page []Resource
		for _, r := range res.Resources {
			if r != nil {
				page = append(page, Resource{URI: Said(r.URI), Name: Said(r.Name), Title: Said(r.Title),
					Description: Said(r.Description), MIMEType: Said(r.MIMEType), Size: r.Size})
			}
		}
		return page, res.NextCursor, nil
	})
	if err != nil {
		return nil, err
	}
	odd := oddNames(len(out.Items), func(i int) Said { return out.Items[i].URI })
	for i := range out.Items {
		out.Items[i].Warnings = odd[i]
	}
	return out, nil
}

// Templates lists the resource templates.
func (m *MCP) Templates(ctx context.Context) (*List[Template], error) {
	return list(ctx, m, false, func(ctx context.Context, s *mcp.ClientSession, cursor string) ([]Template, string, error) {
		res, err := s.ListResourceTemplates(ctx, &mcp.ListResourceTemplatesParams{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		var page []Template
		for _, t := range res.ResourceTemplates {
			if t != nil {
				page = append(page, Template{Pattern: Said(t.URITemplate), Name: Said(t.Name), Title: Said(t.Title),
					Description: Said(t.Description), MIMEType: Said(t.MIMEType), Variables: variablesOf(t.URITemplate)})
			}
		}
		return page, res.NextCursor, nil
	})
}

// maxPattern bounds, in bytes, the URI templates that are read.
const maxPattern = 4096

func parsePattern(pattern string) (*uritemplate.Template, error) {
	if len(pattern) > maxPattern {
		return nil, errPattern
	}
	t, err := uritemplate.New(pattern)
	if err != nil {
		return nil, errPattern
	}
	return t, nil
}

var errPattern = fault.New(fault.StepCall, fault.Invalid, "bad_template", "The server's pattern for addresses cannot be read (RFC 6570).")

func variablesOf(pattern string) []string {
	t, err := parsePattern(pattern)
	if err != nil {
		return nil
	}
	out := []string{}
	seen := map[string]bool{}
	for _, name := range t.Varnames() {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

// Expand returns the URI of one resource of the family. A variable without a
// value is left out (RFC 6570 section 2.3).
func (t *Template) Expand(values map[string]string) (string, error) {
	parsed, err := parsePattern(string(t.Pattern))
	if err != nil {
		return "", err
	}
	given := uritemplate.Values{}
	for name, value := range values {
		if value != "" {
			given.Set(name, uritemplate.String(value))
		}
	}
	uri, err := parsed.Expand(given)
	if err != nil {
		return "", errPattern
	}
	return uri, nil
}

// Prompts lists the prompts.
func (m *MCP) Prompts(ctx context.Context) (*List[Prompt], error) {
	out, err := list(ctx, m, false, func(ctx context.Context, s *mcp.ClientSession, cursor string) ([]Prompt, string, error) {
		res, err := s.ListPrompts(ctx, &mcp.ListPromptsParams{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		var page []Prompt
		for _, p := range res.Prompts {
			if p != nil {
				page = append(page, promptOf(p))
			}
		}
		return page, res.NextCursor, nil
	})
	if err != nil {
		return nil, err
	}
	odd := oddNames(len(out.Items), func(i int) Said { return out.Items[i].Name })
	for i := range out.Items {
		out.Items[i].Warnings = odd[i]
	}
	return out, nil
}

// maxArguments bounds the arguments of one prompt that are kept.
const maxArguments = 100

func promptOf(p *mcp.Prompt) Prompt {
	out := Prompt{Name: Said(p.Name), Title: Said(p.Title), Description: Said(p.Description)}
	for _, a := range p.Arguments {
		if a != nil && len(out.Arguments) < maxArguments {
			out.Arguments = append(out.Arguments, Argument{Name: Said(a.Name), Title: Said(a.Title), Description: Said(a.Description), Required: a.Required})
		}
	}
	return out
}
