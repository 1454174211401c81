/* The ladder: the best transport that works, and one rung down when it breaks. */
'use strict';

module.exports = ({ assert, test, page: makePage, climbing, carried, streaming, message, names, MODERN }) => {
  test('the first news comes by a request, and then a websocket carries on from its cursor', () => {
    const page = makePage(MODERN);
    const client = page.LongPoll('http://push.example/live/');
    const told = [];
    client.job('t').any((event) => told.push(event));
    page.advance(0);
    assert.deepEqual([page.last.transport, page.last.wait, page.streams.length], ['xhr', 0, 0]);
    page.last.reply([message('running', {})], 'c1');
    assert.deepEqual([told, client.state], [['running'], 'connected']);
    assert.equal(page.stream.url, 'ws://push.example/live/socket');
    page.stream.accept();
    assert.deepEqual(page.stream.asked, { channels: ['t'], cursor: 'c1', wait: 25 });
    page.stream.reply([], 'c1');
    assert.equal(client.transport, 'websocket');
    page.stream.reply([message('done', {})], 'c2');
    assert.deepEqual([told, page.requests.length, page.stream.closed], [['running', 'done'], 1, true]);
    page.advance(60000);
    assert.equal(page.requests.length, 1);
  });

  test('the address of a websocket is whole, whatever was given', () => {
    const table = [
      ['', 'ws://site.example/socket'], ['/live', 'ws://site.example/live/socket'],
      ['//x.example', 'ws://x.example/socket'], ['https://x.example:81/', 'wss://x.example:81/socket'],
      ['live', 'ws://site.example/live/socket'],
    ];
    for (const [url, address] of table) assert.equal(climbing({}, {}, url).page.stream.url, address);
    const secure = climbing({ href: 'https://site.example/page' });
    assert.equal(secure.page.stream.url, 'wss://site.example/socket');
  });

  test('each browser takes the best that it has', () => {
    const table = [
      [{}, 'websocket'], [{ websocket: false }, 'eventsource'], [{ websocket: 'old' }, 'eventsource'],
      [{ websocket: false, eventsource: 'old' }, 'eventsource'],
    ];
    for (const [options, best] of table) assert.equal(climbing(options).page.stream.transport, best);
    const foreign = climbing({ websocket: false, eventsource: 'old' }, {}, 'http://push.example').page;
    foreign.advance(0);
    assert.deepEqual([foreign.streams.length, foreign.last.wait], [0, 25]);
  });

  test('a transport or a list of them may be chosen', () => {
    assert.equal(climbing({}, { transports: ['eventsource', 'xhr'] }).page.stream.transport, 'eventsource');
    const plain = climbing({}, { transport: 'xhr' }).page;
    assert.deepEqual([plain.streams.length, plain.last.wait], [0, 25]);
    const { page, client } = climbing({}, { transports: ['jsonp', 'websocket'] });
    assert.equal(page.requests[0].transport, 'jsonp');
    page.stream.accept().reply([], 'c1');
    assert.equal(client.transport, 'websocket');
  });

  test('a refused upgrade, or a stream that ends before it says anything, gives way to the next at once', () => {
    const { page, client, told } = climbing();
    page.stream.drop();
    assert.deepEqual([page.streams.length, page.stream.transport, page.stream.asked.cursor], [2, 'eventsource', 'c1']);
    page.stream.accept().drop();
    const { last } = page;
    assert.deepEqual([page.streams.length, last.transport, last.cursor, last.wait], [2, 'xhr', 'c1', 25]);
    page.last.reply([message('running', {})], 'c2');
    assert.deepEqual([told, client.state, client.transport], [['running'], 'connected', 'xhr']);
    page.advance(100);
    assert.deepEqual([page.streams.length, page.last.cursor], [2, 'c2']);
  });

  test('a constructor that throws counts as refused', () => {
    const { page } = climbing({ websocket: false });
    page.window.WebSocket = function Ws() { throw new Error('SecurityError'); };
    page.window.WebSocket.CLOSED = 3;
    page.LongPoll('').job('u');
    page.advance(0);
    page.last.reply([], 'c1');
    page.advance(0);
    assert.equal(page.stream.transport, 'eventsource');
    assert.deepEqual(page.clock.errors, []);
  });

  test('an upgrade that is swallowed is given up after four seconds, and after one a request is held beside it', () => {
    const { page, told } = climbing();
    page.advance(999);
    assert.equal(page.pending.length, 0);
    page.advance(1);
    assert.deepEqual([page.last.cursor, page.last.wait], ['c1', 25]);
    page.last.reply([message('running', {})], 'c2');
    assert.deepEqual(told, ['running']);
    page.advance(100);
    assert.deepEqual([page.last.cursor, page.pending.length, streaming(page)], ['c2', 1, ['websocket']]);
    page.advance(2899);
    assert.deepEqual(streaming(page), ['websocket']);
    page.advance(1);
    assert.deepEqual([streaming(page), page.stream.asked.cursor, page.pending.length], [['eventsource'], 'c2', 1]);
  });

  test('a stream that opens and is silent is given up as well, and the request beside it carries on', () => {
    const { page, client, told } = climbing();
    page.stream.accept();
    page.advance(4000);
    page.stream.accept();
    page.advance(4000);
    assert.deepEqual([streaming(page), page.pending.length, page.last.cursor], [[], 1, 'c1']);
    page.last.reply([message('running', {})], 'c2');
    page.advance(100);
    assert.deepEqual([told, client.transport, page.pending.length, page.last.wait], [['running'], 'xhr', 1, 25]);
  });

  test('a slow stream takes over from the request that was held beside it', () => {
    const { page, client, told } = climbing();
    page.advance(2000);
    const held = page.last;
    page.stream.accept().reply([], 'c2');
    assert.deepEqual([held.aborted, client.transport], [true, 'websocket']);
    page.stream.reply([message('running', {})], 'c3');
    page.advance(20000);
    assert.deepEqual([told, page.pending.length], [['running'], 0]);
  });

  test('a slow stream that was overtaken is opened anew where the request has come to', () => {
    const { page, told } = climbing();
    page.advance(1500);
    page.last.reply([message('running', {})], 'c5');
    page.advance(100);
    const late = page.stream;
    late.accept().reply([message('queued', {})], 'c2');
    assert.deepEqual([told, late.closed, page.pending.length], [['running'], true, 0]);
    page.advance(3000);
    page.stream.accept();
    assert.deepEqual([page.stream.asked.cursor, page.pending.length], ['c5', 0]);
    page.stream.reply([message('done', {})], 'c6');
    assert.deepEqual(told, ['running', 'done']);
  });

  test('a stream without a heartbeat is given up ten seconds after it was due, for the next rung', () => {
    const { page, client } = carried();
    page.advance(20000);
    page.stream.reply([], 'c3');
    page.advance(34999);
    assert.deepEqual([streaming(page), page.requests.length], [['websocket'], 1]);
    page.advance(1);
    assert.deepEqual([page.streams[0].closed, page.last.cursor, page.last.wait], [true, 'c3', 0]);
    page.last.reply([], 'c4');
    assert.deepEqual([streaming(page), client.state], [['eventsource'], 'connected']);
  });

  test('a stream that is cut off begins again after a request, and says nothing of it', () => {
    const { page, client, told } = carried();
    const states = [];
    client.onstate((state) => states.push(state));
    page.advance(20000);
    page.stream.reply([message('running', {})], 'c3');
    page.stream.drop();
    page.advance(249);
    assert.equal(page.pending.length, 0);
    page.advance(1);
    assert.deepEqual([page.last.cursor, page.last.wait], ['c3', 0]);
    page.last.reply([message('progress', {})], 'c4');
    page.stream.accept();
    assert.deepEqual([page.stream.transport, page.stream.asked.cursor, states], ['websocket', 'c4', []]);
    assert.deepEqual(told, ['running', 'progress']);
  });

  test('a stream that is cut off three times within seconds of its life gives way to the next', () => {
    const { page, told } = carried();
    for (let cut = 1; cut <= 3; cut += 1) {
      assert.equal(page.stream.transport, 'websocket');
      page.advance(500);
      page.stream.reply([message('progress', { n: cut })], `c${cut}0`);
      page.stream.drop();
      page.advance(250);
      assert.equal(page.last.cursor, `c${cut}0`);
      page.last.reply([], `c${cut}1`);
      page.stream.accept().reply([], `c${cut}2`);
    }
    assert.deepEqual([page.stream.transport, streaming(page)], ['eventsource', ['eventsource']]);
    assert.deepEqual(told, ['progress', 'progress', 'progress']);
    assert.ok(page.clock.time - page.streams[0].time < 5000);
  });

  test('a stream that is cut off now and then stays', () => {
    const { page } = carried();
    for (let cut = 1; cut <= 9; cut += 1) {
      page.advance(11000);
      page.stream.drop();
      page.advance(250);
      page.last.reply([], `c${cut}1`);
      page.stream.accept().reply([], `c${cut}2`);
    }
    assert.deepEqual(streaming(page), ['websocket']);
  });

  // Held requests, from c1 on; the websocket and the event stream have been found broken.
  function stepped() {
    const opened = climbing();
    opened.page.stream.drop();
    opened.page.stream.drop();
    return opened;
  }

  // Answers every held request when its time is over, for so long.
  function quiet(page, ms) {
    for (let left = ms; left > 0; left -= 25000) {
      page.advance(25000);
      if (page.pending.length) page.last.reply([], 'c2');
    }
  }

  test('a broken rung gets another chance after five minutes, beside what works', () => {
    const { page, client } = stepped();
    quiet(page, 275000);
    assert.equal(page.streams.length, 2);
    page.advance(25000);
    assert.deepEqual([streaming(page), page.pending.length], [['websocket'], 1]);
    page.stream.accept().reply([], 'c3');
    assert.deepEqual([client.transport, page.pending.length], ['websocket', 0]);
  });

  test('a rung that stays broken is tried less and less', () => {
    const { page } = stepped();
    const begin = page.clock.time;
    const tries = [];
    while (page.clock.time - begin < 4 * 3600000) {
      page.advance(5000);
      const last = page.stream;
      if (!last.over) {
        if (last.transport === 'websocket') tries.push(Math.round((page.clock.time - begin) / 60000));
        last.drop();
        if (!page.stream.over) page.stream.drop();
      }
      if (page.pending.length && page.clock.time - page.last.time >= 25000) page.last.reply([], 'c2');
    }
    assert.deepEqual(tries, [5, 15, 35, 75, 135, 195]);
  });

  test('a better rung takes over from an event stream, which carries on until then', () => {
    const { page, client, told } = climbing();
    page.stream.drop();
    const source = page.stream.accept().reply([], 'c2');
    for (let i = 0; i < 12; i += 1) {
      page.advance(25000);
      source.reply([], 'c2');
    }
    assert.deepEqual([streaming(page), page.requests.length], [['eventsource', 'websocket'], 1]);
    source.reply([message('running', {})], 'c3');
    page.stream.accept().reply([], 'c2');
    assert.deepEqual([source.closed, page.stream.transport], [true, 'websocket']);
    page.stream.accept();
    assert.equal(page.stream.asked.cursor, 'c3');
    page.stream.reply([], 'c3');
    assert.deepEqual([told, client.transport, page.requests.length], [['running'], 'websocket', 1]);
  });

  test('back online, every rung gets another chance', () => {
    const { page } = stepped();
    page.fire('online');
    page.advance(0);
    page.last.reply([], 'c3');
    assert.deepEqual(streaming(page), ['websocket']);
  });

  test('a machine without network blames no rung', () => {
    const { page } = climbing();
    page.inside('navigator.onLine = false');
    page.stream.drop();
    page.last.fail();
    page.advance(1000);
    page.inside('navigator.onLine = true');
    page.last.reply([], 'c2');
    assert.deepEqual([page.stream.transport, streaming(page)], ['websocket', ['websocket']]);
  });

  test('tickets too long for an address go by another way than the event stream', () => {
    const page = makePage({ ...MODERN, websocket: false });
    const client = page.LongPoll('');
    for (let i = 0; i < 40; i += 1) client.job(`${i}-${'x'.repeat(100)}`);
    page.advance(0);
    page.last.reply([], 'c1');
    assert.deepEqual([page.streams.length, page.last.wait, names(page.last).length], [0, 25, 40]);
    client.stop();
    const few = page.LongPoll('');
    for (let i = 0; i < 30; i += 1) few.job(`${i}-${'x'.repeat(100)}`);
    page.advance(0);
    page.last.reply([], 'c1');
    assert.equal(page.stream.asked.channels.length, 30);
  });

  test('more than the server takes at once take turns, by request', () => {
    const page = makePage(MODERN);
    const client = page.LongPoll('');
    for (let i = 0; i < 250; i += 1) client.job(`t${i}`);
    page.advance(0);
    const asked = [];
    for (let i = 0; i < 4; i += 1) {
      asked.push(names(page.last).length);
      page.last.reply([], `c${i}`);
      page.advance(1000);
    }
    assert.deepEqual([asked, page.streams.length], [[200, 50, 200, 50], 0]);
  });

  test('a proxy that refuses to post sends the requests by script, and the stream beside them', () => {
    for (const status of [405, 403, 501, 404]) {
      const { page, client } = climbing();
      const other = page.LongPoll('', { transports: ['xhr', 'jsonp'] });
      other.job('u');
      page.advance(0);
      page.last.status(status, '<h1>Method Not Allowed</h1>');
      page.advance(250);
      page.last.status(status, '<h1>Method Not Allowed</h1>');
      page.advance(500);
      assert.equal(page.last.transport, 'jsonp');
      page.last.reply([], 'c1');
      assert.deepEqual([other.state, page.last.transport, client.state], ['connected', 'jsonp', 'connected']);
    }
  });

  test('a request that worked and is refused on its way from now on gives way, too', () => {
    const page = makePage({ ...MODERN, websocket: false, eventsource: false });
    page.LongPoll('').job('t');
    page.advance(0);
    page.last.reply([], 'c1');
    page.last.status(403, 'no');
    page.advance(250);
    page.last.status(403, 'no');
    page.advance(500);
    assert.deepEqual([page.last.transport, page.last.cursor], ['jsonp', 'c1']);
  });

  test('the page is told by what the news comes', () => {
    const { page, client } = climbing();
    const told = [];
    assert.equal(client.ontransport((name) => told.push([name, client.transport])), client);
    page.stream.accept().reply([], 'c2');
    page.stream.reply([], 'c3');
    page.advance(36000);
    page.last.reply([], 'c4');
    page.stream.accept().reply([], 'c5');
    assert.deepEqual(told, [['websocket', 'websocket'], ['eventsource', 'eventsource']]);
  });
};
