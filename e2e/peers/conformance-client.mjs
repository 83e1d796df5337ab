// Started by the MCP conformance suite as a client under test: it hands what
// the suite gives (the server's address as last argument, the rest as JSON in
// the environment) to the real program and lets it list the server's tools.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT);
const server = process.argv.at(-1);
const folder = mkdtempSync(join(tmpdir(), 'waybill-conformance-'));
const connectionFile = join(folder, 'connection.json');
const idTokenFile = join(folder, 'id-token');

writeFileSync(connectionFile, JSON.stringify({
  name: 'conformance',
  idp: {
    issuer: context.idp_issuer,
    client_id: context.idp_client_id,
    auth_method: 'none',
    token_endpoint: context.idp_token_endpoint,
  },
  resource: {
    kind: 'mcp',
    url: server,
    client_id: context.client_id,
    client_secret: '${CONFORMANCE_RESOURCE_SECRET}',
  },
}));
writeFileSync(idTokenFile, context.idp_id_token, { mode: 0o600 });

const { MCP_CONFORMANCE_CONTEXT, ...environment } = process.env;
const run = spawnSync(process.env.WAYBILL_E2E_APP,
  ['mcp', 'tools', '--connection-file', connectionFile, '--id-token-file', idTokenFile], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...environment, CONFORMANCE_RESOURCE_SECRET: context.client_secret, WAYBILL_HOME: join(folder, 'data') },
  });
rmSync(folder, { recursive: true, force: true });
if (run.error) console.error(run.error.message);
process.exit(run.status ?? 1);
