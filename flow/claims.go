package flow

// Meaning says in a few plain words what a header parameter or claim of such a
// token is for, and where that is defined. Both are "" for one that no
// specification known here defines: it is the issuer's own.
func Meaning(kind TokenKind, name string, header bool) (meaning, section string) {
	table := claimTable
	if header {
		table = headerTable
	}
	said, known := table[name]
	if !known {
		return "", ""
	}
	if own, differs := said.by[kind]; differs {
		return own.meaning, own.section
	}
	return said.meaning, said.section
}

// said is what is told of one name; by holds what differs for a kind of token.
type said struct {
	meaning, section string
	by               map[TokenKind]defined
}

type defined struct{ meaning, section string }

// The documents that the tables point at.
const (
	draftIDJAG  = "draft-ietf-oauth-identity-assertion-authz-grant"
	draftClaims = draftIDJAG + " section 3.1"
	oidcIDToken = "OpenID Connect Core 1.0 section 2"
	rfc9068     = "RFC 9068 section 2.2"
)

var headerTable = map[string]said{
	"typ": {"what kind of token this is", "RFC 8725 section 3.11", map[TokenKind]defined{
		KindIDJAG:       {"required value", draftClaims},
		KindAccessToken: {"at+jwt by RFC 9068", "RFC 9068 section 2.1"},
	}},
	"alg":      {"how it is signed", "RFC 7515 section 4.1.1", nil},
	"kid":      {"the key that signed it", "RFC 7515 section 4.1.4", nil},
	"cty":      {"what the token contains", "RFC 7519 section 5.2", nil},
	"jku":      {"where the issuer says its keys are; not followed", "RFC 7515 section 4.1.2", nil},
	"jwk":      {"a key that came along; not trusted", "RFC 7515 section 4.1.3", nil},
	"x5t":      {"thumbprint of the certificate", "RFC 7515 section 4.1.7", nil},
	"x5t#S256": {"thumbprint of the certificate", "RFC 7515 section 4.1.8", nil},
	"x5c":      {"a certificate that came along; not trusted", "RFC 7515 section 4.1.6", nil},
	"crit":     {"extensions that the reader must understand", "RFC 7515 section 4.1.11", nil},
}

var claimTable = map[string]said{
	"iss": {"who issued it", "RFC 7519 section 4.1.1", map[TokenKind]defined{
		KindIDToken:     {"who vouches for the user", oidcIDToken},
		KindIDJAG:       {"who vouches for the user", draftClaims},
		KindAccessToken: {"the server that issued it", rfc9068},
	}},
	"sub": {"whom it is about", "RFC 7519 section 4.1.2", map[TokenKind]defined{
		KindIDToken:     {"the user at the identity provider", oidcIDToken},
		KindIDJAG:       {"the user at the identity provider", draftClaims},
		KindAccessToken: {"the user at the resource", rfc9068},
	}},
	"aud": {"whom it is meant for", "RFC 7519 section 4.1.3", map[TokenKind]defined{
		KindIDToken:     {"this app, as the provider knows it", oidcIDToken},
		KindIDJAG:       {"the one server that may redeem it", draftClaims},
		KindAccessToken: {"the resource that may accept it", rfc9068},
	}},
	"azp": {"the app that asked for it", oidcIDToken, nil},
	"client_id": {"the app that it was issued to", rfc9068, map[TokenKind]defined{
		KindIDJAG: {"this app, as that server knows it", draftClaims},
	}},
	"resource": {"the resource that it is for", "RFC 8707 section 2", map[TokenKind]defined{
		KindIDJAG: {"becomes the access token's aud", draftClaims},
	}},
	"scope": {"what may be done with it", "RFC 9068 section 2.2.3", map[TokenKind]defined{
		KindIDJAG: {"granted by the provider's policy", draftClaims},
	}},
	"authorization_details": {"what may be done with it, in detail", "RFC 9396 section 2", nil},
	"jti": {"its own id, against replay", "RFC 7519 section 4.1.7", map[TokenKind]defined{
		KindIDJAG: {"its own id, against replay", draftClaims},
	}},
	"iat":                {"when it was issued", "RFC 7519 section 4.1.6", nil},
	"nbf":                {"not valid before", "RFC 7519 section 4.1.5", nil},
	"exp":                {"when it expires", "RFC 7519 section 4.1.4", nil},
	"auth_time":          {"when the user last proved who they are", oidcIDToken, nil},
	"acr":                {"how strong that sign-in was", oidcIDToken, nil},
	"amr":                {"by which means: password, one-time code, …", "RFC 8176 section 1", nil},
	"nonce":              {"ties it to the sign-in that was begun here", oidcIDToken, nil},
	"at_hash":            {"ties it to the access token that came along", "OpenID Connect Core 1.0 section 3.1.3.6", nil},
	"c_hash":             {"ties it to the code", "OpenID Connect Core 1.0 section 3.3.2.11", nil},
	"s_hash":             {"ties it to the state that was sent", "Financial-grade API Part 2 section 5.1", nil},
	"sid":                {"the session at the identity provider", "OpenID Connect Front-Channel Logout 1.0 section 3", nil},
	"email":              {"the user's address", "OpenID Connect Core 1.0 section 5.1", nil},
	"email_verified":     {"whether the issuer has checked that address", "OpenID Connect Core 1.0 section 5.1", nil},
	"name":               {"the user's name", "OpenID Connect Core 1.0 section 5.1", nil},
	"given_name":         {"the user's first name", "OpenID Connect Core 1.0 section 5.1", nil},
	"family_name":        {"the user's last name", "OpenID Connect Core 1.0 section 5.1", nil},
	"preferred_username": {"what the user calls themselves there", "OpenID Connect Core 1.0 section 5.1", nil},
	"picture":            {"address of a picture; not fetched", "OpenID Connect Core 1.0 section 5.1", nil},
	"locale":             {"the user's language", "OpenID Connect Core 1.0 section 5.1", nil},
	"zoneinfo":           {"the user's time zone", "OpenID Connect Core 1.0 section 5.1", nil},
	"updated_at":         {"when that was last changed", "OpenID Connect Core 1.0 section 5.1", nil},
	"phone_number":       {"the user's telephone number", "OpenID Connect Core 1.0 section 5.1", nil},
	"groups":             {"groups that the user is in", "RFC 9068 section 2.2.3.1", nil},
	"roles":              {"roles that the user has", "RFC 9068 section 2.2.3.1", nil},
	"entitlements":       {"what the user is entitled to", "RFC 9068 section 2.2.3.1", nil},
	"act":                {"who acts for the user", "RFC 8693 section 4.1", nil},
	"may_act":            {"who may act for the user", "RFC 8693 section 4.4", nil},
	"cnf":                {"the key that whoever uses it must have", "RFC 7800 section 3.1", nil},
	"tenant":             {"the user's organisation at the identity provider", draftClaims, nil},
	"aud_tenant":         {"the organisation at the resource", draftClaims, nil},
	"aud_sub":            {"the user, as the resource knows them", draftClaims, nil},
	"sub_id":             {"the user, named in a way of its own", "RFC 9493 section 4.1", nil},
	"events":             {"what it reports", "RFC 8417 section 2.2", nil},
	"app_org":            {"the organisation that the app is registered under; xaa.dev's own", "https://xaa.dev/docs", nil},
}
