/*
 * Runs the cases: node --expose-gc js_run.js path/to/longpoll.js case-file...; writes {"case": null or "what failed"}.
 * A case file exports a function that is given `tools` and calls test('a sentence', body).
 */
'use strict';
const assert = require('assert').strict;
const fs = require('fs');
const path = require('path');
const { makePage } = require('./js_page.js');
const { Browser } = require('./js_tabs.js');

const source = fs.readFileSync(process.argv[2], 'utf8');
const cases = [];

const tools = {
  assert,
  test: (name, body) => { cases.push({ name, body }); },
  script: path.resolve(process.argv[2]),
  page: (options) => makePage(source, options),
  browser: (options) => new Browser(source, options),
  // A page with an old same-origin XMLHttpRequest, and one client on it that has sent nothing yet.
  open(options, url, clientOptions) {
    const page = makePage(source, { xhr: 'old', ...options });
    return { page, client: page.LongPoll(url || '', clientOptions) };
  },
  // The same with job 't', past its first poll: a held poll stands at cursor c1.
  held(options, url, clientOptions) {
    const opened = tools.open(options, url, clientOptions);
    opened.job = opened.client.job('t');
    opened.page.advance(0);
    opened.page.last.reply([], 'c1');
    opened.page.advance(0);
    return opened;
  },
  MODERN: { xhr: 'cors', events: true, json: true, websocket: true, eventsource: true },
  // A modern page with job 't', whose first request has brought cursor c1.
  climbing(options, clientOptions, url) {
    const page = makePage(source, { ...tools.MODERN, ...options });
    const client = page.LongPoll(url || '', clientOptions);
    const told = [];
    const job = client.job('t').any((event) => told.push(event));
    page.advance(0);
    page.last.reply([], 'c1');
    return { page, client, job, told };
  },
  // The same, with a stream that carries the news, at cursor c2.
  carried(options, clientOptions) {
    const opened = tools.climbing(options, clientOptions);
    opened.page.stream.accept().reply([], 'c2');
    return opened;
  },
  streaming: (page) => page.streams.filter((stream) => !stream.over).map((stream) => stream.transport),
  message: (event, data, id, channel) => ({ channel: channel || 't', event, data, id }),
  names: (request) => Array.from(request.channels),
};

process.argv.slice(3).forEach((file) => require(path.resolve(file))(tools));

(async () => {
  const results = {};
  for (const { name, body } of cases) {
    try {
      await body();
      results[name] = null;
    } catch (error) {
      results[name] = error.stack || String(error);
    }
  }
  process.stdout.write(JSON.stringify(results));
})();
