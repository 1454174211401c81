// Two of Faye's clients that answer each other: what its repository's example "benchmark" measures. argv: the package,
// the rounds, the address.
'use strict';
const path = require('path');
const [name, rounds, url] = process.argv.slice(2);
const Faye = require(path.join(process.env.CLIENTS, 'node_modules', name));
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

const there = new Faye.Client(url), back = new Faye.Client(url);
const began = Date.now();
const fail = error => tell('failed', { error: String(error) });

there.subscribe('/benchmark/there', round => {
  there.publish('/benchmark/back', round).then(null, fail);
}).then(() => back.subscribe('/benchmark/back', round => {
  if (round < Number(rounds)) {
    back.publish('/benchmark/there', round + 1).then(null, fail);
  } else {
    tell('done', { rounds: round, milliseconds: Date.now() - began });
  }
})).then(() => back.publish('/benchmark/there', 1)).then(null, fail);

require('readline').createInterface({ input: process.stdin }).on('close', () => {
  there.disconnect();
  back.disconnect();
  setTimeout(() => process.exit(0), 200);
});
