// Faye's client in node. argv: the package, the transport, the address.
'use strict';
const path = require('path');
const [name, transport, url] = process.argv.slice(2);
const Faye = require(path.join(process.env.CLIENTS, 'node_modules', name));
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

const client = new Faye.Client(url, { retry: 0.5 });
if (transport !== 'websocket') client.disable('websocket');
client.on('transport:up', () => tell('up'));
client.on('transport:down', () => tell('down'));
client.addExtension({
  incoming(message, callback) {
    if (message.ext && message.ext.longpoll && message.ext.longpoll.reset) tell('reset');
    if (message.channel === '/meta/handshake') tell('session', { id: message.clientId });
    callback(message);
  }
});

const commands = {
  subscribe({ channel }) {
    client.subscribe(channel)
      .withChannel((on, data) => tell('message', { channel: on, data }))
      .then(() => tell('subscribed', { channel }), error => tell('refused', { channel, error: String(error) }));
  },
  publish({ channel, data }) {
    client.publish(channel, data).then(() => tell('published'), error => tell('failed', { error: String(error) }));
  }
};
require('readline').createInterface({ input: process.stdin })
  .on('line', line => { const told = JSON.parse(line); commands[told.do](told); })
  .on('close', () => { client.disconnect(); setTimeout(() => process.exit(0), 200); });
