package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"waybill/fault"
	"waybill/playground"
)

// repeated collects a flag that may be given more than once.
type repeated []string

func (r *repeated) String() string     { return strings.Join(*r, ",") }
func (r *repeated) Set(s string) error { *r = append(*r, s); return nil }

func runPlayground(ctx context.Context, c *call) error {
	f := c.newFlags()
	var (
		o         playground.Options
		trust     repeated
		clients   repeated
		ephemeral bool
	)
	f.StringVar(&o.Addr, "addr", "127.0.0.1", "the loopback `address` to listen on")
	f.IntVar(&o.Todos, "todos", 0, "give new users this `number` of to-dos instead of the usual list")
	f.DurationVar(&o.Latency, "latency", 0, "hold every answer back for this `time`, to try slow networks")
	f.BoolVar(&ephemeral, "ephemeral", false, "keep nothing: new clients, keys and to-dos, on free ports")
	stepUp := stepUpFlags(f, &o)
	f.Var(dpopMode{&o.DPoP}, "dpop", "the `mode` of proofs of possession (DPoP, RFC 9449): optional (the default), required of every client, or off, as if they were not known")
	f.BoolVar(&o.DPoPNonce, "dpop-nonce", false, "demand the servers' own nonces in the proofs")
	f.Var(&clients, "client", "register the client in this JSON `file`, which authenticates with a key (client_id, jwks, token_endpoint_auth_method private_key_jwt) or not at all (none); may be given more than once")
	f.Var(&trust, "trust", "take ID-JAGs of this `issuer` too; may be given more than once")
	for _, life := range []struct {
		name  string
		value *time.Duration
		what  string
	}{
		{"code-life", &o.CodeLife, "authorization codes (60s)"},
		{"id-token-life", &o.IDTokenLife, "ID tokens (10m)"},
		{"id-jag-life", &o.IDJAGLife, "ID-JAGs (5m)"},
		{"access-token-life", &o.AccessTokenLife, "access tokens (2h)"},
		{"refresh-token-life", &o.RefreshTokenLife, "refresh tokens (720h)"},
		{"session-life", &o.SessionLife, "the browser's session (8h)"},
	} {
		f.DurationVar(life.value, life.name, 0, "the `lifetime` of "+life.what)
	}
	if err := c.parseNone(); err != nil {
		return err
	}
	if o.Todos < 0 || o.Latency < 0 || o.Policy.MaxAge < 0 {
		return usageError{"A number of to-dos and times are not negative.", "playground"}
	}
	stepUp()
	if err := c.registerClients(ctx, &o, clients); err != nil {
		return err
	}
	o.Trust = trust
	if !ephemeral {
		o.Dir = c.env.PlaygroundDir
	}
	p, err := playground.Start(ctx, o)
	if err != nil {
		return PlaygroundFault(err)
	}
	defer p.Close()
	// One line, so that a script can read it and know that all is up.
	if err := json.NewEncoder(c.env.Stdout).Encode(p.Endpoints()); err != nil {
		return fault.New(fault.StepPlayground, fault.Failed, "output", "The playground's addresses could not be written.").Because(err)
	}
	c.say("The built-in playground runs until it is interrupted (Ctrl+C).")
	<-ctx.Done()
	return p.Close()
}

// stepUpFlags adds the flags that have the identity provider ask for a step-up. The
// result is called when they have been read.
func stepUpFlags(f *flag.FlagSet, o *playground.Options) (read func()) {
	stepUp := f.Bool("step-up", false, "ask for a stronger sign-in once in each session: the token exchange answers insufficient_user_authentication until there was one")
	f.DurationVar(&o.Policy.MaxAge, "step-up-age", 0, "ask for a new sign-in at the token exchange when the last one is older than this `time`")
	return func() {
		if *stepUp {
			o.Policy.ACR = playground.ACRStepUp
		}
	}
}

// dpopMode is a playground.DPoPMode as a flag.
type dpopMode struct{ mode *playground.DPoPMode }

func (d dpopMode) String() string {
	if d.mode == nil { // package flag asks the zero value
		return playground.DPoPOptional.String()
	}
	return d.mode.String()
}

func (d dpopMode) Set(name string) error {
	for _, m := range []playground.DPoPMode{playground.DPoPOptional, playground.DPoPRequired, playground.DPoPOff} {
		if m.String() == name {
			*d.mode = m
			return nil
		}
	}
	return errors.New("it is optional, required or off")
}

// registerClients reads the registrations of --client.
func (c *call) registerClients(ctx context.Context, o *playground.Options, files []string) error {
	for _, file := range files {
		data, err := c.readFile(ctx, file)
		if err != nil {
			return err
		}
		client, err := playground.ParseClient(data)
		if err != nil {
			return PlaygroundFault(err)
		}
		if slices.ContainsFunc(client.Connections, func(k playground.ResourceConnection) bool { return k.Public }) {
			c.say("Note: %s redeems ID-JAGs without authenticating. The draft says that this flow SHOULD be for confidential clients only (section 9.1).", fault.Clean(client.ID, 80))
		}
		o.Clients = append(o.Clients, client)
	}
	return nil
}

// PlaygroundFault says why the built-in playground did not start. Its errors
// are one sentence of its own, fit to show.
func PlaygroundFault(err error) error {
	f := fault.New(fault.StepPlayground, fault.Failed, "playground", fault.Clean(sentence(err.Error()), maxReason)).Because(err)
	if errors.Is(err, playground.ErrRunning) {
		return f.WithRemedy("Use the one that runs, or add --ephemeral for one of its own.")
	}
	return f
}

// maxReason is how much of the playground's words is shown, in characters.
const maxReason = 400

// sentence gives a Go error the form of a sentence.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}
