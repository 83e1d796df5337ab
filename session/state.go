// Package session puts the parts of Waybill together for the window and the
// terminal alike: the connections, the vault, the sign-in, the token ladder,
// the client of the resource and the local copy of the account in use.
//
// Invariant: at any moment at most one account is open, and its local copy,
// its tokens and its client belong to the same user at the same resource.
// Nothing of one account is ever shown or sent under another.
package session

import (
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// Phase says how far the Manager is.
type Phase int

// The phases.
const (
	Starting  Phase = iota // the vault is being opened; it may wait for the keyring
	SignedOut              // no account is open
	SignedIn               // an account is open; its session may have ended, see SignInNeeded
)

// ConnectionInfo is one configured connection and whether an account is kept
// for it.
type ConnectionInfo struct {
	Connection connection.Connection
	BuiltIn    bool // one of the built-in playground's

	// Placed is the file by which an administrator placed the connection; ""
	// for one of the user's own. A placed one is read-only.
	Placed string

	SignedIn  bool
	Email     string    // of the kept account, if known
	Renewable bool      // its session outlives the ID token
	Until     time.Time // when its ID token expires; zero without an account
}

// AccountInfo is the open account.
type AccountInfo struct {
	Identity   auth.Identity
	Connection connection.Connection
	Renewable  bool // the session outlives the ID token: there is a refresh token
	StepUp     bool // a server asks for a stronger or more recent sign-in; the next one will be that

	// Replaced is who was signed in at the connection before, if this sign-in
	// was somebody else's; else nil, and after a new start.
	Replaced *Replaced
}

// Replaced is an account that somebody else's sign-in has taken the place of.
type Replaced struct {
	Identity auth.Identity
	Unsent   int  // changes that were open and not sent; they are kept for this identity
	Lasting  bool // they are on the disk, not only in this process
}

// State is what the Manager is about, at one moment. It is immutable.
type State struct {
	Phase       Phase
	Connections []ConnectionInfo
	Current     string // name of the connection in use, "" before the first

	// Unusable are the files of an administrator that hold no connection that
	// can be used, each with its Fault.
	Unusable []connection.Placed

	Account *AccountInfo

	// VaultMode says how long secrets last, and VaultReason, where that is
	// only as long as this process, why: one sentence.
	VaultMode   auth.VaultMode
	VaultReason string

	// Problem says why nothing can be opened: a damaged or newer file, a full
	// disk. Phase stays Starting then. Nil if all is well.
	Problem *fault.Fault

	Token auth.TokenStatus

	// SignInNeeded is true when the account is open and its to-dos are shown,
	// but the session at the identity provider is over.
	SignInNeeded bool
}
