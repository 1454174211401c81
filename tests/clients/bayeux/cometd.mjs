// CometD's client in node, with the extension "ack". argv: the major version, the transport, the address.
import { createInterface } from 'readline';
import { createRequire } from 'module';
import { pathToFileURL } from 'url';
import path from 'path';

const [version, transport, url] = process.argv.slice(2);
const modules = path.join(process.env.CLIENTS, 'node_modules');
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

async function load() {
  if (version === '5') {
    const require = createRequire(path.join(modules, 'x.js'));
    require('cometd-nodejs-client-1').adapt();
    return { ...require('cometd-5'), AckExtension: require('cometd-5/AckExtension') };
  }
  const { adapt } = await import(pathToFileURL(path.join(modules, 'cometd-nodejs-client-2/cometd-nodejs-client.js')));
  adapt();
  return import(pathToFileURL(path.join(modules, 'cometd-9/cometd.js')));
}

const { CometD, AckExtension } = await load();
const client = new CometD();
client.configure({ url, logLevel: 'warn', backoffIncrement: 200, maxBackoff: 1000 });
client.websocketEnabled = transport === 'websocket';
client.registerExtension('ack', new AckExtension());

const wanted = new Set();
function subscribe(channel) {
  client.subscribe(channel, message => tell('message', { channel: message.channel, data: message.data }), reply =>
    reply.successful ? tell('subscribed', { channel }) : tell('refused', { channel, error: reply.error }));
}
client.addListener('/meta/handshake', reply => {
  if (!reply.successful) return;
  tell('session', { id: reply.clientId });
  client.batch(() => wanted.forEach(subscribe));
});
client.addListener('/meta/connect', reply => {
  tell(reply.successful ? 'up' : 'down');
});
client.registerExtension('reset', {
  incoming(message) {
    if (message.ext && message.ext.longpoll && message.ext.longpoll.reset) tell('reset');
    return message;
  }
});

const commands = {
  subscribe({ channel }) {
    wanted.add(channel);
    if (!client.isDisconnected() && client.getClientId()) subscribe(channel);
  },
  publish({ channel, data }) {
    client.publish(channel, data, reply =>
      reply.successful ? tell('published') : tell('failed', { error: reply.error || 'transport' }));
  }
};
client.handshake();
createInterface({ input: process.stdin })
  .on('line', line => { const told = JSON.parse(line); commands[told.do](told); })
  .on('close', () => { client.disconnect(); setTimeout(() => process.exit(0), 200); });
