// A certified OpenID provider that is not ours, for the sign-in leg: npm's
// oidc-provider with its own development pages, on a port of its own. By its
// extension point for grants it also exchanges an ID token for an ID-JAG
// (RFC 8693, draft-ietf-oauth-identity-assertion-authz-grant), so that what
// follows the sign-in can be walked too.
//
// Standard input: one JSON object {client_id, client_secret, redirect_uri,
// resource_client_id, id_token_seconds}. Standard output: one line, the issuer,
// when it answers. Standard error: a line "event NAME" for what it did.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { SignJWT, createLocalJWKSet, importJWK, jwtVerify } from 'jose';
import Provider, { errors } from 'oidc-provider';

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';

const client = JSON.parse(await text(process.stdin));
const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const signingKey = { ...key, kid: randomUUID(), use: 'sig', alg: 'RS256' };
const provider = new Provider(issuer, {
  clients: [{
    client_id: client.client_id,
    client_secret: client.client_secret,
    redirect_uris: [client.redirect_uri],
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token', TOKEN_EXCHANGE],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomUUID()] },
  discovery: { token_exchange_subject_token_types_supported: [ID_TOKEN] },
  claims: { openid: ['sub'], email: ['email'], profile: ['name'] },
  conformIdTokenClaims: false,
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, name: 'Ada' }) }),
  features: { revocation: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  issueRefreshToken: (_context, clientOfRequest, code) => clientOfRequest.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  rotateRefreshToken: true,
  ttl: { IdToken: client.id_token_seconds ?? 600, Session: 3600, Grant: 3600, Interaction: 600 },
});

const privateKey = await importJWK(signingKey, 'RS256');
const { kty, n, e, kid } = signingKey;
const publicKeys = createLocalJWKSet({ keys: [{ kty, n, e, kid, alg: 'RS256' }] });
const parameters = ['audience', 'resource', 'scope', 'requested_token_type', 'subject_token', 'subject_token_type'];
provider.registerGrantType(TOKEN_EXCHANGE, async (context) => {
  const { params } = context.oidc;
  if (params.requested_token_type !== ID_JAG || params.subject_token_type !== ID_TOKEN) {
    throw new errors.InvalidRequest('only an ID token is exchanged, and only for an ID-JAG');
  }
  const { payload } = await jwtVerify(params.subject_token, publicKeys, { issuer, audience: client.client_id })
    .catch((error) => { throw new errors.InvalidGrant(error.message); });
  const assertion = await new SignJWT({ client_id: client.resource_client_id, resource: params.resource, scope: params.scope, email: payload.sub })
    .setProtectedHeader({ alg: 'RS256', typ: 'oauth-id-jag+jwt', kid })
    .setIssuer(issuer).setSubject(payload.sub).setAudience(params.audience)
    .setJti(randomUUID()).setIssuedAt().setExpirationTime('5m').sign(privateKey);
  context.body = { access_token: assertion, issued_token_type: ID_JAG, token_type: 'N_A', expires_in: 300 };
}, parameters);

server.on('request', provider.callback());
for (const name of ['authorization.error', 'grant.error', 'server_error', 'revocation.error']) {
  provider.on(name, (_context, error) => console.error(name, error.error_description ?? error.stack));
}
for (const name of ['authorization_code.consumed', 'grant.revoked', 'refresh_token.consumed', 'refresh_token.destroyed', 'end_session.success']) {
  provider.on(name, () => console.error('event', name));
}
provider.on('grant.success', (context) => console.error('event', context.oidc.params.grant_type));
console.log(issuer);
