package authz

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Limits of what is fetched from a trusted issuer.
const (
	maxDocument = 256 << 10
	maxKeys     = 100
	keysFresh   = 5 * time.Minute // after that they are fetched again
	keysPause   = time.Minute     // a new kid fetches them at most this often
	failPause   = 5 * time.Second // after a failure
	fetchLimit  = 10 * time.Second
)

// Remote is the KeySource of an issuer that is not ours: its metadata and its
// JWKS, kept for some minutes. However many unknown kids are presented, it
// fetches at most once a minute.
type Remote struct {
	issuer string
	client *http.Client
	now    func() time.Time

	turn  chan struct{} // holds one token; who has it may use the rest
	set   jose.JSONWebKeySet
	fresh time.Time // when set was fetched
	pause time.Time // nothing is fetched before
	fault error     // of the last try
}

// CheckIssuer says what is wrong with the address of an issuer, nil if nothing
// is: https, or http on this computer's loopback, without query and fragment
// (RFC 8414 section 2).
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.RawQuery != "" || u.ForceQuery || !allowed(issuer) {
		return fmt.Errorf("%q cannot be trusted: an issuer is an https address, or http on this computer, without query and fragment", issuer)
	}
	return nil
}

// allowed reports whether keys may be fetched from an address.
func allowed(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (ip.IsLoopback() || u.Hostname() == "localhost")
}

// NewRemote makes a Remote. The client is used without its cookies, and without
// following redirects.
func NewRemote(issuer string, client *http.Client, now func() time.Time) (*Remote, error) {
	if err := CheckIssuer(issuer); err != nil {
		return nil, err
	}
	own := *client
	own.Jar, own.Timeout = nil, fetchLimit
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Remote{issuer: issuer, client: &own, now: now, turn: make(chan struct{}, 1)}, nil
}

// Keys gives the issuer's keys, fetched anew if they are old or kid is not
// among them. If that fails, old keys go on being good.
func (r *Remote) Keys(ctx context.Context, kid string) (jose.JSONWebKeySet, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return jose.JSONWebKeySet{}, ctx.Err()
	}
	now := r.now()
	enough := now.Sub(r.fresh) < keysFresh && len(r.set.Keys) > 0 && (kid == "" || len(r.set.Key(kid)) > 0)
	if !enough && !now.Before(r.pause) {
		set, err := r.fetch(ctx)
		r.fault = err
		if err == nil {
			r.set, r.fresh, r.pause = set, now, now.Add(keysPause)
		} else {
			r.pause = now.Add(failPause)
		}
	}
	if len(r.set.Keys) == 0 && r.fault != nil {
		return r.set, r.fault
	}
	return r.set, nil
}

func (r *Remote) fetch(ctx context.Context) (jose.JSONWebKeySet, error) {
	at, err := r.discover(ctx)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := r.get(ctx, at, &raw); err != nil {
		return jose.JSONWebKeySet{}, err
	}
	if len(raw.Keys) > maxKeys {
		return jose.JSONWebKeySet{}, fmt.Errorf("the issuer publishes more than %d keys", maxKeys)
	}
	var set jose.JSONWebKeySet
	for _, one := range raw.Keys { // what cannot be read or is weak is passed over (RFC 7517 section 5)
		var key jose.JSONWebKey
		if key.UnmarshalJSON(one) != nil || !key.IsPublic() {
			continue
		}
		if weak, ok := key.Key.(*rsa.PublicKey); ok && weak.N.BitLen() < 2048 {
			continue
		}
		set.Keys = append(set.Keys, key)
	}
	if len(set.Keys) == 0 {
		return set, errors.New("the issuer publishes no usable key")
	}
	return set, nil
}

// discover finds the JWKS through the issuer's metadata, which has to name the
// issuer byte for byte (RFC 8414 section 3.3, OpenID Connect Discovery 1.0
// section 4.3).
func (r *Remote) discover(ctx context.Context) (string, error) {
	u, err := url.Parse(r.issuer)
	if err != nil {
		return "", err
	}
	path := u.Path
	if path == "/" {
		path = ""
	}
	root := u.Scheme + "://" + u.Host
	places := []string{
		root + strings.TrimRight(path, "/") + "/.well-known/openid-configuration",
		root + "/.well-known/oauth-authorization-server" + path,
	}
	var failed error
	for _, place := range places {
		var metadata struct {
			Issuer string `json:"issuer"`
			JWKS   string `json:"jwks_uri"`
		}
		err := r.get(ctx, place, &metadata)
		switch {
		case err != nil:
		case metadata.Issuer != r.issuer:
			err = errors.New("the metadata at " + place + " is that of another issuer")
		case !allowed(metadata.JWKS):
			err = errors.New("the jwks_uri at " + place + " is no address that is allowed")
		default:
			return metadata.JWKS, nil
		}
		failed = errors.Join(failed, err)
	}
	return "", failed
}

// get reads a JSON document of at most 256 KiB.
func (r *Remote) get(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	answer, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, answer.Status)
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	if err != nil {
		return err
	}
	if len(raw) > maxDocument {
		return fmt.Errorf("%s answered more than %d bytes", address, maxDocument)
	}
	return json.Unmarshal(raw, into)
}
