/**
 * The program of a probe, as it runs in a pod: `main.mjs <for ms> "<host> <port>"…`.
 * It prints one line of JSON. It knows nothing of the cluster but its arguments.
 */
export const probeSource = `import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const [forMs, ...targets] = process.argv.slice(2);
const begun = Date.now();

function reaches(target) {
  const [host, port] = target.split(' ');
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: 1000 });
    const done = (is) => { socket.destroy(); resolve(is); };
    socket.once('connect', () => done(true));
    socket.once('timeout', () => done(false));
    socket.once('error', () => done(false));
  });
}

let reached = [];
let tries = 0;
do {
  tries += 1;
  const answers = await Promise.all(targets.map(reaches));
  reached = targets.filter((_, n) => answers[n]);
  if (reached.length === 0) break;
  await sleep(250);
} while (Date.now() < begun + Number(forMs));
const heldAfterMs = tries === 1 ? 0 : Date.now() - begun;

function writable(path) {
  try { writeFileSync(path, ''); return true; } catch { return false; }
}

// gVisor tells less of itself than Linux does: what it does not tell is not held against it.
const status = Object.fromEntries(
  readFileSync('/proc/self/status', 'utf8').split('\\n').map((line) => line.split(/:\\s*/)),
);
console.log(JSON.stringify({
  reached,
  heldAfterMs,
  tokenFolder: existsSync('/var/run/secrets/kubernetes.io'),
  rootWritable: writable('/forge-probe'),
  uid: process.getuid(),
  capabilities: status.CapEff ?? '0',
  noNewPrivileges: (status.NoNewPrivs ?? '1') === '1',
  seccomp: (status.Seccomp ?? '2') !== '0',
  apiServerNamed: Boolean(process.env.KUBERNETES_SERVICE_HOST),
}));
`;
