// pusher-js in node, as an application's page has it. argv: the transports, the application's key and its own address,
// where we are.
'use strict';
const path = require('path');
const from = name => require(path.join(process.env.CLIENTS, 'node_modules', name));
const [transports, key, application, url] = process.argv.slice(2);
const Pusher = from('pusher-js');
const { hostname, port } = new URL(url);
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

const headers = { 'X-Who': process.env.WHO || 'nobody' };
const client = new Pusher(key, {
  cluster: 'none', wsHost: hostname, wsPort: port, httpHost: hostname, httpPort: port, forceTLS: false,
  enabledTransports: transports.split(','), nacl: from('tweetnacl'),
  channelAuthorization: { endpoint: `${application}/pusher/auth`, transport: 'ajax', headers },
  userAuthentication: { endpoint: `${application}/pusher/user-auth`, transport: 'ajax', headers }
});
client.connection.bind('connected', () =>
  tell('session', { id: client.connection.socket_id, transport: client.connection.connection.transport.name }));
client.connection.bind('state_change', ({ current }) => tell('state', { current }));
client.connection.bind('error', error => tell('error', { code: error.error && error.error.data && error.error.data.code }));
client.bind('pusher:signin_success', () => tell('signed in'));
client.user.bind_global((event, data) => tell('user', { name: event, data }));

const commands = {
  subscribe({ channel }) {
    const found = client.subscribe(channel);
    found.bind('client-typing', (data, { user_id }) => tell('said by', { user_id }));
    found.bind_global((event, data) => {
      if (event === 'pusher:subscription_succeeded') {
        tell('subscribed', { channel });
        if (data && data.members) tell('members', { channel, ids: Object.keys(data.members).sort(), me: data.myID });
      } else if (event === 'pusher:subscription_error') {
        tell('refused', { channel, status: data.status });
      } else if (/^pusher:member_/.test(event)) {
        tell(event.slice(7), { channel, id: data.id, info: data.info });
      } else {
        tell('message', { channel, name: event, data });
      }
    });
  },
  unsubscribe({ channel }) { client.unsubscribe(channel); },
  trigger({ channel, name, data }) { client.channel(channel).trigger(name, data); },
  signin() { client.signin(); },
  disconnect() { client.disconnect(); },
  connect() { client.connect(); }
};
require('readline').createInterface({ input: process.stdin })
  .on('line', line => { const told = JSON.parse(line); commands[told.do](told); })
  .on('close', () => { client.disconnect(); setTimeout(() => process.exit(0), 200); });
