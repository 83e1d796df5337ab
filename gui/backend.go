package gui

import (
	"context"
	"encoding/json"
	"time"

	"waybill/archive"
	"waybill/auth"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
	"waybill/transport"
)

// Backend is what the window needs of a session. FromSession makes one of a
// session.Manager. All methods are safe for concurrent use; those without a
// context return at once and may be called on the UI goroutine.
type Backend interface {
	State() *session.State
	Watch(func(*session.State)) (stop func())

	// Repair starts afresh after a Problem for which session.Repairable says
	// that it helps, and does nothing at any other time. It returns at once.
	Repair()

	// BeginSignIn opens the browser for the named connection.
	BeginSignIn(ctx context.Context, name string) (SignIn, error)
	SwitchTo(ctx context.Context, name string) error
	SignOut(ctx context.Context, lose int) error // lose: see session.SignOutRequest
	Sync(ctx context.Context) error

	Connections
	Flow
	Explorer

	// Contents and Incoming are what goes into a file of the open account's
	// to-dos, and what of a file is brought in: see session.Manager.
	Contents(ctx context.Context, by string) (archive.Contents, error)
	Incoming(f *archive.File) ([]replica.Incoming, error)

	// Todos are the to-dos of the open account; nil when there is none. As
	// long as the account stays the same, so does the value.
	Todos() Todos
}

// Connections are what the window does with connections; see session.Manager.
type Connections interface {
	AddConnection(ctx context.Context, c connection.Connection, cred connection.Credentials) error
	ChangeConnection(ctx context.Context, c connection.Connection, cred connection.Credentials) error
	RemoveConnection(ctx context.Context, name string) error
	ExportConnection(ctx context.Context, name string) (connection.Connection, error)

	SavedSecrets(ctx context.Context, name string) (session.Saved, error)
	ClientKey(ctx context.Context, name string, r session.KeyRequest) (json.RawMessage, error)

	// Discover and CheckConnection call each on the goroutine that called them.
	Discover(ctx context.Context, q auth.Query, each func(auth.Place)) (*auth.Found, error)
	CheckConnection(ctx context.Context, name string, each func(session.Check)) []session.Check

	Changes(ctx context.Context, name string) ([]auth.Change, error)
	Approve(ctx context.Context, name string, seen []auth.Change) error
	Leaving(ctx context.Context) (session.Leaving, error)
}

// Flow is what the window shows of the steps of Cross App Access; see
// session.Manager.
type Flow interface {
	// Runs are the last ones. WatchRuns tells of each change of them; what it
	// hands out is immutable.
	Runs() []*flow.Run
	WatchRuns(func([]*flow.Run)) (stop func())

	// RunAgain runs the steps from this one on for the open account, without
	// asking the user.
	RunAgain(ctx context.Context, from fault.Step) error

	// Probe sends requests that the other side has to refuse; say is called on
	// the goroutine that called it.
	Probe(ctx context.Context, order flow.ProbeOrder, say func(flow.ProbeResult)) (*flow.Scorecard, error)
}

// Explorer is what the window needs to show what the resource of the open account
// offers, and to call it; see session.Manager.
type Explorer interface {
	ExploreMCP(ctx context.Context) (MCPServer, error)
	ExploreREST(ctx context.Context) (RESTServer, error)
	History(ctx context.Context) (*explore.History, error)
	ChangeHistory(ctx context.Context, change func(*explore.History) error) error
}

// MCPServer is an MCP server; an *explore.MCP is one, but for Watch, which is its
// Subscribe.
type MCPServer interface {
	Server(ctx context.Context) (*explore.Server, error)
	Tools(ctx context.Context) (*explore.List[explore.Tool], error)
	Resources(ctx context.Context) (*explore.List[explore.Resource], error)
	Templates(ctx context.Context) (*explore.List[explore.Template], error)
	Prompts(ctx context.Context) (*explore.List[explore.Prompt], error)
	Call(ctx context.Context, t *explore.Tool, args json.RawMessage, progress func(explore.Progress)) (*explore.Result, error)
	Read(ctx context.Context, uri string) (*explore.Contents, error)
	Prompt(ctx context.Context, name explore.Said, args map[string]string) (*explore.Messages, error)
	Watch(ctx context.Context, uri string, told func(explore.News)) (Watching, error)
}

// Watching is told when a resource changes; an *explore.Subscription is one.
type Watching interface {
	Close()
	Done() <-chan struct{}
	Err() error
}

// RESTServer is a REST API; an *explore.REST is one.
type RESTServer interface {
	Check(q explore.Request) (address string, err error)
	Call(ctx context.Context, q explore.Request) (*explore.Response, error)
	Draft(q explore.Request) (transport.Recording, error)
	Endpoints(ctx context.Context, at string) (*explore.Endpoints, error)
}

// SignIn is a sign-in that waits for the browser; a *session.SignIn is one.
type SignIn interface {
	URL(ctx context.Context) (string, error)
	Deadline() time.Time
	Reopen() error
	Cancel()
	Wait(ctx context.Context) error
}

// Todos are the to-dos of one account; a *replica.Replica is one. Methods with
// a context may wait for the disk, Outbox may too; the others return at once.
type Todos interface {
	Snapshot() *replica.Snapshot
	Watch(func(*replica.Snapshot)) (stop func())
	Wake(replica.Reason)
	DismissNotice()

	Add(ctx context.Context, t todo.Todo) (id string, err error)
	Update(ctx context.Context, id string, p todo.Patch) error
	UpdateFrom(ctx context.Context, id string, p, base todo.Patch) error
	Delete(ctx context.Context, id string) error
	Undo(ctx context.Context) error
	Redo(ctx context.Context) error

	Resolve(ctx context.Context, id string, choice replica.Choice) error
	ResolveRemoval(ctx context.Context, choice replica.RemovalChoice) error
	Outbox() []replica.Pending
	Retry(ctx context.Context, number uint64) error
	Discard(ctx context.Context, number uint64) error
	Restore(ctx context.Context, number uint64) error

	Compare(ctx context.Context, items []replica.Incoming) (replica.Compared, error)
	Import(ctx context.Context, items []replica.Incoming) (replica.Compared, error)
}

// FromSession lets the window work with a session.Manager.
func FromSession(m *session.Manager) Backend { return manager{m} }

type manager struct{ *session.Manager }

func (m manager) BeginSignIn(ctx context.Context, name string) (SignIn, error) {
	s, err := m.Manager.BeginSignIn(ctx, name, session.SignInRequest{})
	if err != nil {
		return nil, err // not s: a nil pointer in an interface is not nil
	}
	return s, nil
}

func (m manager) SignOut(ctx context.Context, lose int) error {
	_, err := m.Manager.SignOut(ctx, session.SignOutRequest{OpenBrowser: true, Lose: lose})
	return err
}

func (m manager) ExploreMCP(ctx context.Context) (MCPServer, error) {
	s, err := m.Manager.ExploreMCP(ctx)
	if err != nil {
		return nil, err
	}
	return mcpServer{s}, nil
}

func (m manager) ExploreREST(ctx context.Context) (RESTServer, error) {
	r, err := m.Manager.ExploreREST(ctx)
	if err != nil {
		return nil, err
	}
	return r, nil
}

type mcpServer struct{ *explore.MCP }

func (s mcpServer) Watch(ctx context.Context, uri string, told func(explore.News)) (Watching, error) {
	w, err := s.Subscribe(ctx, uri, told)
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (m manager) Todos() Todos {
	if r := m.Replica(); r != nil {
		return r
	}
	return nil
}
