/* What is said over a stream, and what a page says meanwhile. */
'use strict';

module.exports = ({ assert, test, page: makePage, climbing, carried, streaming, message, names, MODERN }) => {
  test('a stream that is chosen alone asks for everything itself', () => {
    for (const transport of ['websocket', 'eventsource']) {
      const page = makePage(MODERN);
      const client = page.LongPoll('', { transport });
      const told = [];
      client.job('t').any((event) => told.push(event));
      page.advance(0);
      page.stream.accept();
      assert.deepEqual([page.requests.length, page.stream.asked.cursor], [0, null]);
      page.stream.reply([message('queued', {})], 'c1').reply([message('running', {})], 'c2');
      assert.deepEqual([told, client.state, page.streams.length], [['queued', 'running'], 'connected', 1]);
      page.stream.drop();
      assert.equal(client.state, 'offline');
      page.advance(250);
      assert.deepEqual([page.stream.transport, page.streams.length], [transport, 2]);
      page.advance(30000);
      assert.ok(page.streams.length > 3);
      while (page.stream.over) page.advance(100);
      page.stream.accept().reply([], 'c3');
      assert.deepEqual([client.state, page.stream.asked.cursor, page.requests.length], ['connected', 'c2', 0]);
    }
  });

  test('a job is cancelled by POST, whatever carries the news', () => {
    const page = makePage(MODERN);
    page.LongPoll('', { transport: 'websocket' }).job('t').cancel();
    assert.deepEqual([page.last.transport, page.last.url], ['xhr', '/job/cancel']);
  });

  test('what a stream says is told and moves the cursor', () => {
    const { page, client, told } = carried();
    const news = [];
    client.onreset(() => news.push('reset'));
    client.subscribe('news').bind((event, data, whole) => news.push([event, data, whole.name]));
    page.advance(0);
    assert.deepEqual([page.streams.length, page.stream.frames, page.stream.asked.channels], [1, 2, ['t', 'news']]);
    page.stream.reply([message('running', {}), { ...message('a', 1, '5', 'news'), name: 'x' }], 'c3', { reset: true });
    page.stream.reply([message('a', 1, '5', 'news'), message('a', 2, '6', 'news')], 'c4');
    assert.deepEqual([told, news], [['running'], ['reset', ['a', 1, 'x'], ['a', 2, undefined]]]);
    page.stream.drop();
    page.advance(250);
    assert.deepEqual([names(page.last), page.last.cursor, page.last.wait], [['t', 'news'], 'c4', 0]);
  });

  test('an event stream is opened anew for what is added', () => {
    const { page, client } = carried({ websocket: false });
    client.job('u');
    client.job('v');
    page.advance(0);
    assert.deepEqual([page.streams[0].closed, page.streams.length], [true, 2]);
    assert.deepEqual(page.stream.asked, { channels: ['t', 'u', 'v'], cursor: 'c2' });
  });

  test('what is added while a stream is being tried is asked for by the next one', () => {
    const { page, client } = climbing();
    page.stream.accept();
    client.job('u');
    page.stream.reply([], 'c2');
    page.advance(0);
    assert.deepEqual([page.streams.length, page.stream.frames, page.stream.asked.channels], [1, 2, ['t', 'u']]);
    const other = climbing();
    other.client.job('u');
    other.page.advance(0);
    assert.deepEqual([other.page.streams[0].closed, other.page.stream.asked], [true, undefined]);
    other.page.stream.accept();
    assert.deepEqual(other.page.stream.asked.channels, ['t', 'u']);
  });

  test('a channel that goes on from a history is asked for alone, and then all go by one stream', () => {
    for (const late of [true, false]) {
      const page = makePage(MODERN);
      const client = page.LongPoll('');
      const told = [];
      const listen = () => client.subscribe('news', 'h1').bind((event, data) => told.push(data));
      client.job('t');
      if (!late) listen();
      page.advance(0);
      assert.deepEqual([names(page.last), page.last.cursor, page.last.wait], [['t'], null, 0]);
      page.last.reply([], 'c1');
      if (late) {
        page.stream.accept().reply([], 'c2');
        listen();
        page.advance(0);
        assert.equal(page.stream.closed, true);
      }
      assert.deepEqual([names(page.last), page.last.cursor, page.last.wait], [['news'], 'h1', 0]);
      page.last.reply([message('said', 1, '5', 'news')], 'h2');
      page.stream.accept();
      assert.deepEqual(page.stream.asked.channels.slice().sort(), ['news', 't']);
      assert.deepEqual(page.stream.asked.cursor.split('|').sort(), [late ? 'c2' : 'c1', 'h2']);
      page.stream.reply([message('said', 1, '5', 'news'), message('said', 2, '6', 'news')], 'c3');
      assert.deepEqual(told, [1, 2]);
      client.subscribe('more');
      page.advance(0);
      assert.deepEqual([page.stream.closed, page.stream.frames, page.stream.asked.cursor], [false, 2, 'c3']);
    }
  });

  test('what nobody wants any more is unsubscribed when it next comes', () => {
    for (const websocket of [true, false]) {
      const { page, client } = carried({ websocket });
      const busy = client.subscribe('busy');
      page.advance(0);
      if (!websocket) page.stream.reply([], 'c3');
      busy.unsubscribe();
      page.advance(1000);
      assert.deepEqual(page.stream.asked.channels, ['t', 'busy']);
      page.stream.reply([message('a', 1, '5', 'busy')], 'c4');
      page.advance(0);
      assert.deepEqual(page.stream.asked.channels, ['t']);
    }
  });

  test('when the server goes away with its stream, requests find it again, and the stream is as good as before', () => {
    const { page, client } = carried();
    page.advance(20000);
    page.stream.drop();
    page.advance(250);
    page.last.fail();
    assert.equal(client.state, 'offline');
    page.advance(250);
    page.last.status(503, '');
    page.advance(500);
    page.last.reply([], 'c3');
    assert.deepEqual([client.state, streaming(page)], ['connected', ['websocket']]);
  });

  test('a stream given up with its page, or after a sleep, begins anew after a request', () => {
    const table = [
      (page) => { page.fire('pagehide'); page.advance(5000); page.fire('pageshow', { persisted: true }); },
      (page) => { page.fire('freeze'); page.advance(5000); page.fire('resume'); },
      (page) => { page.clock.sleep(3600000); page.advance(5000); },
      (page) => page.fire('online'),
    ];
    for (const happens of table) {
      const { page } = carried();
      happens(page);
      page.advance(0);
      const { last } = page;
      assert.deepEqual([page.streams[0].closed, last.cursor, last.wait, page.requests.length], [true, 'c2', 0, 2]);
      page.last.reply([], 'c3');
      assert.deepEqual(streaming(page), ['websocket']);
    }
  });

  test('a page shown again leaves its stream alone', () => {
    const { page } = carried();
    page.fire('visibilitychange');
    page.fire('pageshow', { persisted: false });
    page.advance(1000);
    assert.deepEqual([streaming(page), page.requests.length], [['websocket'], 1]);
  });

  test('a channel that is denied over a stream is dropped and told, and the others go on', () => {
    for (const websocket of [true, false]) {
      const { page, client, job } = carried({ websocket });
      const denied = [];
      job.denied((error) => denied.push(error.code));
      client.job('u');
      page.advance(0);
      page.stream.refuse(403, 'bad_ticket', ['t']);
      assert.deepEqual([denied, page.streams[0].over, client.state], [['bad_ticket'], true, 'connected']);
      page.stream.accept();
      assert.deepEqual([page.stream.asked.channels, page.stream.asked.cursor], [['u'], 'c2']);
    }
  });

  test('a stream that is refused altogether stops the client', () => {
    const { page, client } = carried();
    const told = [];
    client.onerror((text) => told.push(text));
    page.stream.refuse(400, 'bad_request', []);
    page.advance(60000);
    assert.deepEqual([told, client.state, streaming(page), page.requests.length], [['bad_request.'], 'offline', [], 1]);
  });

  test('a server that is away says so over its stream, and is asked again later', () => {
    const { page, client } = carried();
    page.stream.refuse(503, 'unavailable', []);
    assert.deepEqual([client.state, streaming(page)], ['offline', []]);
    page.advance(250);
    page.last.reply([], 'c3');
    assert.deepEqual([client.state, streaming(page)], ['connected', ['websocket']]);
  });

  test('a stream that makes no sense counts as broken', () => {
    for (const text of ['', 'hello', '{}', '[]', '{"messages":7}', '<html>']) {
      const { page } = carried();
      page.stream.text(text);
      page.advance(250);
      page.last.reply([], 'c3');
      assert.equal(page.streams[0].closed, true);
      const tried = climbing().page;
      tried.stream.accept().text(text);
      assert.equal(tried.stream.transport, 'eventsource');
    }
  });

  test('stop() ends a stream, and one that is being tried; start() begins anew', () => {
    for (const opened of [carried(), climbing()]) {
      const { page, client } = opened;
      client.stop();
      page.advance(5000);
      assert.deepEqual([streaming(page), page.clock.timers.length, client.state], [[], 0, 'offline']);
      client.start();
      page.advance(0);
      assert.equal(page.last.wait, 0);
      page.last.reply([], 'c3');
      assert.deepEqual(streaming(page), ['websocket']);
    }
  });

  test('stop() in a callback of a stream holds, and what came with it is asked for again', () => {
    const { page, client } = carried();
    const told = [];
    client.subscribe('news').bind((event) => { told.push(event); if (event === 'a') client.stop(); });
    page.advance(0);
    page.stream.reply([message('a', 1, '5', 'news'), message('b', 2, '6', 'news')], 'c3');
    assert.deepEqual([told, streaming(page)], [['a'], []]);
    client.start();
    page.advance(0);
    assert.equal(page.last.cursor, 'c2');
  });
};
