/* What a client does when things go wrong, and how it notices that they are well again. */
'use strict';

module.exports = ({ assert, test, open, held, message, names }) => {
  // Fails every poll, and returns how long the client waited before each new one.
  function delays(page, count, fail) {
    const waits = [];
    while (waits.length < count) {
      const before = page.clock.time;
      const sent = page.requests.length;
      (fail || ((request) => request.fail()))(page.last);
      while (page.requests.length === sent) page.advance(1);
      waits.push(page.clock.time - before);
    }
    return waits;
  }

  test('retries back off twofold from half a second to half a minute', () => {
    const { page } = held();
    page.random = 0.9999999;
    const waits = delays(page, 9);
    const ceilings = [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000];
    waits.forEach((wait, i) => assert.ok(Math.abs(wait - ceilings[i]) <= 2, `${i}: ${wait}`));
  });

  test('the delay is random over the whole range', () => {
    const { page } = held();
    page.random = 0.5;
    assert.deepEqual(delays(page, 4), [250, 500, 1000, 2000]);
    page.random = 0;
    assert.ok(delays(page, 1)[0] <= 1);
  });

  test('a reply ends the backing off', () => {
    const { page } = held();
    delays(page, 6);
    page.last.reply([], 'c2');
    assert.equal(page.last.wait, 25);
    assert.deepEqual(delays(page, 1), [250]);
  });

  test('the states are told as they change, and a retry asks for no wait so that its success shows at once', () => {
    const { page, client } = open();
    const states = [];
    assert.equal(client.state, 'connecting');
    assert.equal(client.onstate((state) => states.push(state)), client);
    client.job('t');
    page.advance(0);
    page.last.reply([], 'c1');
    page.last.fail();
    page.advance(250);
    page.last.fail();
    page.advance(500);
    assert.deepEqual([page.last.wait, page.last.cursor], [0, 'c1']);
    page.last.reply([], 'c2');
    assert.equal(page.last.wait, 25);
    assert.deepEqual(states, ['connected', 'offline', 'connected']);
  });

  test('Retry-After is honoured, in seconds or as a date, and whatever else happens', () => {
    const date = (page) => new Date(page.clock.time + 90000).toUTCString();
    for (const [status, header, least] of [[503, () => '90', 90000], [429, () => '90', 90000], [503, date, 89000]]) {
      const { page } = held({ events: true });
      const waits = delays(page, 1, (request) => {
        request.status(status, '', { 'Retry-After': header(page) });
        page.fire('online');
        page.fire('visibilitychange');
      });
      assert.ok(waits[0] >= least && waits[0] <= 90500, `${status} ${waits[0]}`);
    }
  });

  test('a Retry-After beyond five minutes, or beyond reading, is not believed', () => {
    const { page } = held();
    const after = (value) => (request) => request.status(503, '', { 'Retry-After': value });
    assert.ok(delays(page, 1, after('86400'))[0] <= 300500);
    page.last.reply([], 'c2');
    assert.deepEqual(delays(page, 1, after('soon')), [250]);
    page.last.reply([], 'c3');
    assert.deepEqual(delays(page, 1, (request) => request.status(500, '', { 'Retry-After': '90' })), [250]);
  });

  test('a job added while the server is away does not hurry the retry, and goes with it', () => {
    const { page, client } = held();
    page.last.fail();
    client.job('u');
    page.advance(249);
    assert.equal(page.pending.length, 0);
    page.advance(1);
    assert.deepEqual(names(page.last), ['t', 'u']);
  });

  test('a job added after the last one was given up does not wait for its retry', () => {
    const { page, client, job } = held();
    delays(page, 8);
    page.last.fail();
    job.stop();
    client.job('u');
    page.advance(0);
    assert.deepEqual(names(page.last), ['u']);
  });

  test('a ticket that is denied is dropped and told, and the others go on at once', () => {
    for (const status of [400, 403]) {
      const { page, client, job } = held();
      const told = [];
      client.onerror((text) => told.push(text));
      job.denied((error, data) => told.push(error.code, data.code)).failed(() => told.push('failed'));
      client.subscribe('news').denied((error) => told.push(error.message)).bind((event) => told.push(event));
      client.job('u');
      page.advance(0);
      page.last.refuse(status, 'bad_ticket', ['t', 'news']);
      assert.deepEqual(told, ['bad_ticket', 'bad_ticket', 'bad_ticket.', 'denied']);
      assert.deepEqual([names(page.last), page.last.cursor], [['u'], 'c1']);
      page.last.fail();
      page.advance(1000);
      page.last.reply([], 'c2');
      job.denied((error) => told.push(`late ${error.code}`));
      page.advance(0);
      assert.equal(told.pop(), 'late bad_ticket');
    }
  });

  test('a denial that nobody listens for goes to onerror, or else to the console', () => {
    const one = held();
    const told = [];
    one.job.done(() => told.push('done'));
    one.client.onerror((text, error) => told.push(text, error.code));
    one.page.last.refuse(403, 'bad_ticket', ['t']);
    assert.deepEqual(told, ['bad_ticket.', 'bad_ticket']);
    assert.equal(one.page.pending.length, 0);
    const two = held({ console: true });
    two.page.last.refuse(403, 'bad_ticket', ['t']);
    assert.deepEqual(two.page.complaints, ['LongPoll: bad_ticket.']);
    held().page.last.refuse(403, 'bad_ticket', ['t']);
  });

  test('a refusal that names no channel of ours stops the client until start()', () => {
    for (const channels of [undefined, [], ['unknown']]) {
      const { page, client } = held();
      const told = [];
      client.onstate((state) => told.push(state)).onerror((text) => told.push(text));
      page.last.refuse(400, 'bad_request', channels);
      assert.deepEqual(told, ['offline', 'bad_request.']);
      const sent = page.requests.length;
      page.fire('online');
      client.job('u');
      page.advance(600000);
      assert.equal(page.requests.length, sent);
      client.start();
      page.advance(0);
      assert.deepEqual([names(page.last), page.last.cursor, page.last.wait], [['t', 'u'], 'c1', 0]);
    }
  });

  test('a refusal by something that is not our server is tried again', () => {
    const { page } = held();
    page.last.status(403, '<h1>Forbidden by your friendly proxy</h1>');
    page.advance(250);
    assert.equal(page.pending.length, 1);
  });

  test('a 503 that names channels is tried again and denies nobody', () => {
    const { page } = held();
    page.last.refuse(503, 'unavailable', ['t']);
    page.advance(250);
    assert.deepEqual(names(page.last), ['t']);
  });

  test('back online, the page polls at once, and trusts no request from before', () => {
    const { page } = held({ events: true });
    const stale = page.last;
    page.fire('online');
    page.advance(0);
    assert.equal(stale.aborted, true);
    assert.deepEqual([page.last.cursor, page.last.wait], ['c1', 0]);
    delays(page, 8);
    page.last.fail();
    const sent = page.requests.length;
    page.fire('online');
    page.advance(0);
    assert.equal(page.requests.length, sent + 1);
  });

  test('a page shown again polls at once, unless a request is in flight already', () => {
    const { page } = held({ events: true });
    const { last } = page;
    page.fire('visibilitychange');
    page.fire('pageshow', { persisted: false });
    page.advance(0);
    assert.equal(page.last, last);
    delays(page, 8);
    const table = [['visibilitychange', true, 0], ['visibilitychange', false, 1], ['pageshow', false, 1]];
    for (const [name, hidden, polls] of table) {
      page.last.fail();
      const sent = page.requests.length;
      page.inside(`document.hidden = ${hidden}`);
      page.fire(name);
      page.advance(0);
      assert.equal(page.requests.length, sent + polls, name);
      page.advance(30000);
    }
  });

  test('a page left gives up its request, and takes it up again when it comes back from the cache', () => {
    const { page } = held({ events: true });
    const { last } = page;
    page.fire('pagehide');
    assert.equal(last.aborted, true);
    page.advance(1000);
    assert.equal(page.last, last);
    page.fire('pageshow', { persisted: true });
    page.advance(0);
    assert.deepEqual([page.pending.length, page.last.cursor], [1, 'c1']);
    page.last.fail();
    const sent = page.requests.length;
    page.fire('pagehide');
    page.advance(30000);
    assert.equal(page.requests.length, sent);
  });

  test('unload is listened for only where there is no pagehide', () => {
    const modern = held({ events: true }).page;
    const heard = ['pagehide', 'unload', 'beforeunload'].map(modern.hears);
    assert.deepEqual(heard, [true, false, false]);
    const old = held().page;
    assert.deepEqual([old.hears('pagehide'), old.hears('unload')], [false, true]);
    const { last } = old;
    old.fire('unload');
    assert.equal(last.aborted, true);
  });

  test('after a sleep the request in flight is given up within seconds', () => {
    const { page } = held();
    page.advance(7000);
    const stale = page.last;
    page.clock.sleep(3600000);
    page.advance(5000);
    assert.equal(stale.aborted, true);
    assert.deepEqual([page.pending.length, page.last.cursor, page.last.wait], [1, 'c1', 0]);
  });

  test('a page frozen in the background notices as soon as it is shown, and once', () => {
    const { page } = held({ events: true });
    const stale = page.last;
    page.clock.sleep(3600000);
    page.fire('visibilitychange');
    page.advance(0);
    assert.equal(stale.aborted, true);
    const sent = page.requests.length;
    page.advance(6000);
    assert.equal(page.requests.length, sent);
  });

  test('timers that a hidden page gets once a minute are not taken for sleep', () => {
    const { page } = held({}, '', { wait: 300 });
    const { last } = page;
    for (let i = 0; i < 4; i += 1) {
      page.clock.sleep(59000);
      page.advance(5000);
    }
    assert.equal(last.aborted, false);
  });

  test('a request without an answer is given up ten seconds after its wait', () => {
    const { page, client } = held();
    const silent = page.last;
    page.advance(34999);
    assert.deepEqual([silent.aborted, client.state], [false, 'connected']);
    page.advance(1);
    assert.deepEqual([silent.aborted, client.state], [true, 'offline']);
    page.advance(250);
    assert.equal(page.last.wait, 0);
    page.advance(10000);
    assert.equal(page.requests[2].aborted, true);
  });

  test('what a request says after it was given up is not heard', () => {
    const { page, job } = held();
    const late = page.last;
    const told = [];
    job.any((event) => told.push(event));
    page.advance(35000);
    late.over = false;
    late.reply([message('done', {})], 'c9');
    page.advance(250);
    assert.deepEqual([told, page.last.cursor], [[], 'c1']);
  });

  test('a server that does not hold its polls is asked once a second', () => {
    const { page } = held();
    const start = page.clock.time;
    for (let i = 0; i < 10; i += 1) {
      page.last.reply([], `c${i}`);
      while (!page.pending.length) page.advance(1);
    }
    assert.equal(page.clock.time - start, 10000);
  });

  test('messages that come thick cost ten polls a second at most', () => {
    const { page } = held();
    const start = page.clock.time;
    for (let i = 0; i < 10; i += 1) {
      page.last.reply([message('running', {})], `c${i}`);
      while (!page.pending.length) page.advance(1);
    }
    assert.equal(page.clock.time - start, 1000);
  });

  test('after a held poll the next one goes out without a timer, which a hidden page would wait for', () => {
    const { page } = held();
    page.advance(3000);
    const sent = page.requests.length;
    page.last.reply([message('running', {})], 'c2');
    assert.equal(page.requests.length, sent + 1);
  });

  test('a clock set back does not stop the polling', () => {
    const { page } = held();
    page.clock.time -= 86400000;
    page.clock.timers.forEach((timer) => { timer.due -= 86400000; });
    page.last.reply([], 'c2');
    page.advance(1000);
    assert.equal(page.pending.length, 1);
    page.last.fail();
    page.advance(250);
    assert.equal(page.pending.length, 1);
    delays(page, 1, (request) => request.status(503, '', { 'Retry-After': '200' }));
    page.clock.time -= 190000;
    page.clock.timers.forEach((timer) => { timer.due -= 190000; });
    page.last.reply([], 'c3');
    page.last.reply([], 'c4');
    page.advance(1000);
    assert.equal(page.pending.length, 1);
  });

  test('stop() ends everything, start() begins anew where it stopped', () => {
    const { page, client } = held();
    const { last } = page;
    assert.equal(client.stop(), client);
    assert.deepEqual([last.aborted, client.state], [true, 'offline']);
    page.advance(5000);
    assert.equal(page.clock.timers.length, 0);
    page.fire('online');
    page.advance(60000);
    assert.equal(page.last, last);
    assert.equal(client.start().start(), client);
    assert.equal(client.state, 'connecting');
    page.advance(0);
    assert.deepEqual([page.pending.length, page.last.cursor], [1, 'c1']);
    const again = page.last;
    client.start();
    page.advance(0);
    assert.equal(page.last, again);
    again.fail();
    client.stop();
    assert.equal(page.clock.timers.length, 1);        // the look at the clock, once more
  });

  test('a second client adds no second set of listeners and no second clock', () => {
    const { page } = held({ events: true });
    const [listeners, timers] = [page.listeners.length, page.clock.timers.length];
    const second = page.LongPoll('');
    second.job('u');
    page.advance(0);
    assert.deepEqual([page.listeners.length, page.clock.timers.length], [listeners, timers + 1]);  // its watchdog
    second.stop();
    page.advance(20000);
    assert.equal(page.pending.length, 1);
  });

  test('stop() in the callback that tells of the failure holds', () => {
    const { page, client } = held();
    client.onstate((state) => { if (state === 'offline') client.stop(); });
    page.last.fail();
    page.advance(60000);
    assert.equal(page.pending.length, 0);
    assert.equal(page.clock.timers.length, 0);
  });
};
