/* Which way a poll goes, and the habits of each. */
'use strict';

module.exports = ({ assert, test, script, page: makePage, open, held, message, names }) => {
  const AWAY = 'http://push.example:9292';
  const turn = () => new Promise((resolve) => { setImmediate(resolve); });

  function first(options, url, clientOptions) {
    const page = makePage(options);
    page.LongPoll(url, clientOptions).job('t');
    page.advance(0);
    return page.last;
  }

  test('the transport is the best that browser and address allow', () => {
    const table = [
      ['xhr', { xhr: 'old' }, ''],
      ['xhr', { xhr: 'activex' }, ''],
      ['xhr', { xhr: 'cors' }, AWAY],
      ['xhr', { xhr: 'old' }, 'http://site.example/live/'],
      ['xhr', { xhr: 'old' }, 'HTTP://SITE.example'],
      ['xhr', { xhr: 'old' }, '//site.example'],
      ['xhr', { xhr: 'old', xdr: true }, '/live'],
      ['xdr', { xhr: 'old', xdr: true }, AWAY],
      ['xdr', { xhr: 'old', xdr: true }, '//push.example'],
      ['jsonp', { xhr: 'old', xdr: true }, 'https://push.example'],
      ['jsonp', { xhr: 'old' }, AWAY],
      ['jsonp', { xhr: 'old' }, 'http://site.example:81'],
      ['jsonp', { xhr: 'activex' }, AWAY],
      ['jsonp', {}, ''],
    ];
    for (const [transport, options, url] of table) {
      const request = first(options, url);
      assert.equal(request.transport, transport, JSON.stringify([options, url]));
      assert.equal(request.url.split('?')[0], `${url.replace(/\/$/, '')}/poll`);
    }
  });

  test('a transport that is asked for by name is the only one', () => {
    assert.equal(first({ xhr: 'cors' }, AWAY, { transport: 'jsonp' }).transport, 'jsonp');
    const { page } = open({ xhr: 'cors', xdr: true }, AWAY, { transport: 'xdr' });
    page.LongPoll(AWAY, { transport: 'xdr' }).job('t');
    for (let i = 0; i < 5; i += 1) {
      page.advance(30000);
      assert.equal(page.last.transport, 'xdr');
      page.last.fail();
    }
  });

  test('the wait may be chosen', () => {
    const { page } = held({}, '', { wait: 7 });
    assert.equal(page.last.wait, 7);
  });

  test('new is optional', () => {
    const page = makePage({ xhr: 'old' });
    assert.equal(typeof new page.LongPoll('').job, 'function');
    assert.equal(page.LongPoll('') instanceof page.LongPoll, true);
  });

  test('where there are modules it is one as well', () => {
    const LongPoll = require(script);
    assert.equal(LongPoll('http://host').state, 'connecting');
  });

  test('a page sees nothing of it but LongPoll', () => {
    let before;
    const page = makePage({ xhr: 'old', install: (made) => { before = Object.getOwnPropertyNames(made.global); } });
    const added = Object.getOwnPropertyNames(page.global).filter((name) => !before.includes(name));
    assert.deepEqual(added, ['LongPoll']);
  });

  test('polls are posted as plain text, which costs no preflight', () => {
    assert.equal(first({ xhr: 'cors' }, AWAY).type, 'text/plain');
  });

  // What carries each next poll when every one fails with status 0.
  function carriers(page, count) {
    const used = [];
    while (used.length < count) {
      used.push(page.last.transport);
      const sent = page.requests.length;
      page.last.fail();
      while (page.requests.length === sent) page.advance(1);
    }
    return used;
  }

  test('a transport that never worked gives way after two failures, in a circle', () => {
    const { page, client } = open({ xhr: 'cors' }, AWAY);
    client.job('t');
    page.advance(0);
    assert.deepEqual(carriers(page, 6), ['xhr', 'xhr', 'jsonp', 'jsonp', 'xhr', 'xhr']);
    page.last.reply([], 'c1');
    assert.deepEqual(carriers(page, 6), Array(6).fill('jsonp'));
  });

  test('a transport that worked once, or was answered at all, stays', () => {
    assert.deepEqual(carriers(held({ xhr: 'cors' }, AWAY).page, 6), Array(6).fill('xhr'));
    const { page, client } = open({ xhr: 'cors' }, AWAY);
    client.job('t');
    page.advance(0);
    page.last.status(503, '');
    page.advance(1000);
    assert.deepEqual(carriers(page, 6), Array(6).fill('xhr'));
    const denied = open({ xhr: 'cors' }, AWAY);
    ['t', 'u'].forEach((ticket) => denied.client.job(ticket));
    denied.page.advance(0);
    denied.page.last.refuse(403, 'bad_ticket', ['t']);
    assert.deepEqual(carriers(denied.page, 6), Array(6).fill('xhr'));
  });

  test('a machine without network blames no transport', () => {
    const { page, client } = open({ xhr: 'cors' }, AWAY);
    page.inside('navigator.onLine = false');
    client.job('t');
    page.advance(0);
    assert.deepEqual(carriers(page, 6), Array(6).fill('xhr'));
  });

  test('a browser that refuses to send is tried again later, then differently', () => {
    const { page, client } = open({ refuseSend: true });
    client.job('t');
    page.advance(0);
    assert.equal(client.state, 'offline');
    page.advance(5000);
    assert.equal(page.last.transport, 'jsonp');
    assert.deepEqual(page.clock.errors, []);
  });

  test('the statuses that IE invents are understood', () => {
    const one = held();
    one.page.advance(25000);
    one.page.last.status(1223, '');
    assert.deepEqual([one.client.state, one.page.pending.length, one.page.last.cursor], ['connected', 1, 'c1']);
    const two = open();
    two.client.job('t');
    two.page.advance(0);
    [12029, 12031].forEach((status) => {
      two.page.last.status(status, '');
      two.page.advance(1000);
    });
    assert.equal(two.page.last.transport, 'jsonp');
  });

  test('an empty 204 is a reply', () => {
    const { page, client } = held();
    page.last.status(204, '');
    page.advance(1000);
    assert.deepEqual([client.state, page.last.cursor, page.last.wait], ['connected', 'c1', 25]);
  });

  // XDomainRequest. That all four handlers stand, and that send() has its own turn, the fake itself insists on.

  test('XDomainRequest carries a poll and its reply', () => {
    const { page, client } = open({ xdr: true }, AWAY);
    const told = [];
    client.job('t').done((result) => told.push(result));
    page.advance(0);
    assert.deepEqual(page.clock.errors, []);
    assert.deepEqual([page.last.transport, page.last.url, names(page.last)], ['xdr', `${AWAY}/poll`, ['t']]);
    assert.equal(page.last.timeout, 10000);
    page.last.reply([], 'c1');
    page.advance(0);
    assert.deepEqual([page.last.cursor, page.last.wait, page.last.timeout], ['c1', 25, 35000]);
    const late = page.last;
    client.job('u');
    page.advance(0);
    assert.equal(late.aborted, true);
    late.reply([message('done', { result: 6 })], 'c9');
    page.last.reply([message('done', { result: 7 })], 'c2');
    assert.deepEqual(told, [7]);
  });

  test('an XDomainRequest given up before it was sent is never sent', () => {
    const { page, client } = open({ xdr: true }, AWAY);
    client.job('t');
    const { setTimeout } = page.window;
    page.window.setTimeout = (fn, ms) => setTimeout(fn, ms + 10);  // leaves time between open() and send()
    page.advance(5);
    client.stop();
    page.advance(1000);
    assert.equal(page.requests.length, 0);
    assert.deepEqual(page.clock.errors, []);
  });

  test('an XDomainRequest in flight is not garbage, even when the page keeps nothing', async () => {
    const page = makePage({ xdr: true });
    page.LongPoll(AWAY).job('t');
    page.advance(0);
    page.inside('new XDomainRequest(); undefined');
    await turn();
    global.gc();
    await turn();
    assert.deepEqual(page.xdrs.map((weak) => Boolean(weak.deref())), [true, false]);
    page.last.reply([], 'c1');
    page.advance(0);
    assert.equal(page.last.cursor, 'c1');
  });

  test('after an XDomainRequest failed, which says nothing, JSONP finds out why', () => {
    const { page, client, job } = held({ xdr: true }, AWAY);
    const told = [];
    job.denied((error) => told.push(error.code));
    client.job('u');
    page.advance(0);
    page.last.refuse(403, 'bad_ticket', ['t']);
    page.advance(250);
    assert.equal(page.last.transport, 'jsonp');
    page.last.refuse(200, 'bad_ticket', ['t']);
    assert.deepEqual([told, names(page.last)], [['bad_ticket'], ['u']]);
    page.last.reply([], 'c2');
    page.advance(0);
    assert.deepEqual([page.last.transport, page.last.cursor], ['xdr', 'c2']);
    assert.deepEqual(carriers(page, 4), ['xdr', 'jsonp', 'xdr', 'jsonp']);
  });

  // JSONP.

  test('JSONP asks by a script tag and leaves nothing behind', () => {
    for (const events of [false, true]) {
      const { page, client } = open({ xhr: false, events });
      const told = [];
      client.job('t "\u00e9').done((result) => told.push(result));
      page.advance(0);
      const request = page.last;
      assert.deepEqual([names(request), request.cursor, request.wait], [['t "\u00e9'], null, 0]);
      assert.match(request.callback, /^[A-Za-z_$][\w$]{0,63}$/);
      assert.match(request.url, new RegExp(`^/poll\\?channels=.*&_=${page.clock.time}$`));
      assert.equal(request.type, 'utf-8');
      assert.equal(page.scripts.length, 1);
      request.reply([], 'c&1');
      assert.equal(page.last.cursor, 'c&1');
      assert.notEqual(page.last.callback, request.callback);
      page.last.reply([message('done', { result: 7 }, null, 't "\u00e9')], 'c2');
      assert.deepEqual(told, [7]);
      page.advance(60000);
      assert.equal(page.scripts.length, 0);
      assert.equal(page.window[request.callback], undefined);
      assert.deepEqual(page.clock.errors, []);
    }
  });

  test('a JSONP script that comes after it was given up finds its function, and is not heard', () => {
    for (const events of [false, true]) {
      const { page, client, job } = held({ xhr: false, events });
      const told = [];
      job.any((event) => told.push(event));
      const late = page.last;
      client.job('u');
      page.advance(0);
      assert.equal(page.scripts.length, 1);
      late.reply([message('done', {})], 'c9');
      assert.deepEqual(told, []);
      assert.deepEqual(names(page.last), ['t', 'u']);
      assert.equal(page.window[late.callback], undefined);
    }
  });

  test('a JSONP script that fails, or is no JavaScript, is noticed with and without onerror', () => {
    for (const events of [false, true]) {
      for (const broken of [(request) => request.fail(), (request) => request.status(200, '<html>')]) {
        const { page, client } = held({ xhr: false, events });
        broken(page.last);
        page.advance(100);
        assert.equal(client.state, 'offline');
        page.advance(250);
        assert.equal(page.pending.length, 1);
        assert.equal(page.scripts.length, 1);
      }
    }
  });

  test('IE saying "loaded" before the script ran does no harm', () => {
    const { page, client, job } = held({ xhr: false });
    const told = [];
    job.done((result) => told.push(result));
    page.scripts[0].readyState = 'loading';
    page.scripts[0].onreadystatechange();
    page.advance(5000);
    page.scripts[0].readyState = 'loaded';
    page.scripts[0].onreadystatechange();
    page.advance(50);
    assert.equal(page.requests.length, 2);
    page.last.reply([message('done', { result: 7 })], 'c2');
    page.advance(1000);
    assert.deepEqual([told, client.state], [[7], 'connected']);
  });

  test('a JSONP script of which nothing is heard is given up by the watchdog', () => {
    const { page, client } = held({ xhr: false });
    page.advance(35000);
    assert.equal(client.state, 'offline');
    page.advance(250);
    assert.equal(page.scripts.length, 1);
    assert.equal(page.pending.length, 2);
  });

  test('errors over JSONP, which have no status, are told apart', () => {
    const retried = held({ xhr: false });
    retried.page.last.refuse(200, 'unavailable', []);
    retried.page.advance(250);
    assert.deepEqual([retried.client.state, retried.page.pending.length], ['offline', 1]);
    for (const [code, more] of [['bad_request', {}], ['odd', { status: 403 }]]) {
      const { page, client } = held({ xhr: false });
      const told = [];
      client.onerror((text, error) => told.push(error.code));
      page.last.status(200, JSON.stringify({ error: { code, message: 'm', ...more } }));
      page.advance(60000);
      assert.deepEqual([told, page.pending.length], [[code], 0]);
    }
  });

  test('channels that one JSONP address cannot hold take turns, each with its own cursor', () => {
    const { page, client } = open({ xhr: false }, AWAY);
    const wanted = Array.from({ length: 60 }, (_, i) => `ticket-${i}-${'x'.repeat(90)}`);
    const told = [];
    wanted.forEach((name) => client.job(name).running((data) => told.push(data.n)));
    page.advance(0);
    const stands = {};
    for (let i = 0; i < 40; i += 1) {
      const request = page.last;
      assert.ok(request.url.length <= 2000, String(request.url.length));
      assert.ok(request.wait <= 1);
      for (const name of names(request)) {
        assert.equal(request.cursor, stands[name] || null);
        stands[name] = `c${i}`;
      }
      page.advance(1000);
      request.reply([message('running', { n: i }, null, names(request)[0])], `c${i}`);
      page.advance(100);
    }
    assert.deepEqual(Object.keys(stands).sort(), wanted.slice().sort());
    const turns = page.requests.slice(0, 40).map((request) => names(request).length);
    assert.ok(Math.min(...turns.slice(0, 3)) >= 10, String(turns));
    assert.equal(told.length, 40);
  });

  test('one channel longer than an address is asked for all the same', () => {
    const { page, client } = open({ xhr: false });
    client.job('x'.repeat(3000));
    client.job('u');
    page.advance(0);
    assert.equal(names(page.last)[0].length, 3000);
    page.advance(1000);
    page.last.reply([], 'c1');
    page.advance(1000);
    assert.deepEqual([names(page.last), page.last.cursor], [['u'], null]);
  });

  test('two clients of one page do not disturb each other', () => {
    const page = makePage({});
    const told = [];
    page.LongPoll('').job('t').done((result) => told.push(result));
    page.LongPoll(AWAY).job('t').done((result) => told.push(result));
    page.advance(0);
    const [one, two] = page.requests;
    assert.notEqual(one.callback, two.callback);
    two.reply([message('done', { result: 2 })], 'c1');
    one.reply([message('done', { result: 1 })], 'c1');
    assert.deepEqual(told, [2, 1]);
  });
};
