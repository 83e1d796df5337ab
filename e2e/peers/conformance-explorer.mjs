// Started by the MCP conformance suite as a client under test, in a scenario
// that is not about tokens: the real program signs in at the playground, takes
// the suite's server (its address is the last argument) for the resource, and
// does what the scenario wants to see.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const connection = JSON.parse(process.env.CONFORMANCE_CONNECTION);
const folder = mkdtempSync(join(tmpdir(), 'waybill-conformance-'));
const connectionFile = join(folder, 'connection.json');

// The suite's server is reached by its name, and listens on IPv6 or IPv4.
connection.resource.url = process.argv.at(-1);
connection.resource.mcp_version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION;
writeFileSync(connectionFile, JSON.stringify(connection));

const env = { ...process.env, WAYBILL_HOME: join(folder, 'data') };
let signedIn = false;

function waybill(...args) {
  const command = [process.env.WAYBILL_E2E_HEADLESS, 'mcp', '--connection-file', connectionFile, ...args];
  if (!signedIn) { // with the first command: a sign-in by itself would look for to-dos, too
    command.push('--sign-in', '--no-browser', '--accept');
    command.unshift(process.env.WAYBILL_E2E_BROWSE, '-answer', 'email=grace@example.com', '-answer', 'code=123456', '--');
    signedIn = true;
  }
  const run = spawnSync(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'], env, encoding: 'utf8' });
  process.stdout.write(run.stdout ?? '');
  if (run.status !== 0) throw new Error(`waybill mcp ${args.join(' ')} ended with ${run.status}`);
  return run.stdout;
}

const call = (name, args) => waybill('call', name, '--yes', '--args', JSON.stringify(args));

const scenarios = {
  initialize: () => waybill('tools'),
  tools_call: () => waybill('call', 'add_numbers', '--yes', '--arg', 'a=2', '--arg', 'b=40'),
  'sse-retry': () => call('test_reconnection', {}),
  'request-metadata': () => { waybill('info'); waybill('tools'); },
  'http-standard-headers': () => {
    const [tool] = JSON.parse(waybill('tools', '--json'));
    if (tool) call(tool.name, {});
    const [resource] = JSON.parse(waybill('resources', '--json'));
    if (resource) waybill('read', resource.uri);
    const [prompt] = JSON.parse(waybill('prompts', '--json'));
    if (prompt) waybill('prompt', prompt.name);
  },
  'http-custom-headers': () => context.toolCalls.forEach(({ name, arguments: args }) =>
    waybill('call', name, '--yes', '--unchecked', '--args', JSON.stringify(args))),
  'http-invalid-tool-headers': () => {
    for (const { name } of JSON.parse(waybill('tools', '--json'))) call(name, { region: 'here' });
  },
  'json-schema-ref-no-deref': () => waybill('tools', '--verbose'),
  'json-schema-2020-12-preservation': () => {
    const tools = JSON.parse(waybill('tools', '--json'));
    const focal = tools.find(t => t.inputSchema.$defs);
    const echo = tools.find(t => t.inputSchema.properties?.schema);
    call(echo.name, { schema: focal.inputSchema });
  },
};

let status = 0;
try {
  scenarios[process.env.MCP_CONFORMANCE_SCENARIO]();
} catch (failure) {
  console.error(failure.message);
  status = 1;
}
rmSync(folder, { recursive: true, force: true });
process.exit(status);
