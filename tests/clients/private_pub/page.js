// A page of Private Pub or danthes in node: Faye's client, and what the gems' scripts do with it.
// argv: the package, the gem, the address (which is not used: sign() says it).
'use strict';
const path = require('path');
const [name, gem] = process.argv.slice(2);
const Faye = require(path.join(process.env.CLIENTS, 'node_modules', name));
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

let client = null;
const signed = {};
const heard = {};
const bound = new Set();

// The signature goes along with each subscription, whatever is sent.
const extension = {
  outgoing(message, callback) {
    const mine = message.channel === '/meta/subscribe' && signed[message.subscription];
    if (mine) {
      message.ext = { ...message.ext, [`${gem}_signature`]: mine.signature, [`${gem}_timestamp`]: mine.timestamp };
    }
    callback(message);
  },
  incoming(message, callback) {
    if (message.channel === '/meta/unsubscribe') tell('unsubscribed', { channel: message.subscription });
    callback(message);
  }
};

// Scripts are run, and the callback is found by the channel that stands in the message.
function hear(message) {
  if (message.eval) (0, eval)(message.eval);
  if (bound.has(message.channel)) tell('message', { channel: message.channel, data: message.data ?? null });
}
globalThis.run = what => tell('ran', { what });

const commands = {
  sign({ options }) {
    if (!client) {
      client = new Faye.Client(options.server, { retry: 0.5 });
      client.addExtension(extension);
    }
    signed[options.channel] = options;
    heard[options.channel] = client.subscribe(options.channel, hear);
    heard[options.channel].then(
      () => tell('subscribed', { channel: options.channel }),
      error => tell('refused', { channel: options.channel, error: String(error) })
    );
  },
  subscribe({ channel }) {
    bound.add(channel);
    tell('subscribed', { channel });
  },
  unsubscribe({ channel }) { heard[channel].cancel(); },
  publish({ channel, data }) {
    client.publish(channel, data).then(() => tell('published'), error => tell('failed', { error: String(error) }));
  }
};
require('readline').createInterface({ input: process.stdin })
  .on('line', line => { const told = JSON.parse(line); commands[told.do](told); })
  .on('close', () => { if (client) client.disconnect(); setTimeout(() => process.exit(0), 200); });
