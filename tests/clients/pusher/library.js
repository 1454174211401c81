// Pusher's server library in node. argv: the application's id, key and secret, the master key, and where the server is.
'use strict';
const path = require('path');
const Pusher = require(path.join(process.env.CLIENTS, 'node_modules', 'pusher'));
const [appId, key, secret, encryptionMasterKeyBase64, url] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

const library = new Pusher({ appId, key, secret, encryptionMasterKeyBase64, host: hostname, port, useTLS: false });
const commands = {
  trigger: ({ channels, name, data, params }) => library.trigger(channels, name, data, params),
  batch: ({ batch }) => library.triggerBatch(batch),
  user: ({ id, name, data }) => library.sendToUser(id, name, data),
  terminate: ({ id }) => library.terminateUserConnections(id),
  get: ({ path, params }) => library.get({ path, params })
};
require('readline').createInterface({ input: process.stdin })
  .on('line', line => {
    const told = JSON.parse(line);
    commands[told.do](told)
      .then(async reply => tell('answer', { status: reply.status, body: await reply.json() }))
      .catch(error => tell('answer', { status: error.status || 0, body: error.body || error.message }));
  })
  .on('close', () => process.exit(0));
