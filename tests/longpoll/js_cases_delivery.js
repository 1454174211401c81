/* What jobs and channels tell a page, and when. */
'use strict';

module.exports = ({ assert, test, open, held, message, names }) => {
  const progress = (done, total, text) => ({ progress: { done, total, message: text || null } });

  test('a job tells its progress, then its result', () => {
    const { page, client } = open();
    const told = [];
    const job = client.job('t');
    const chained = job
      .progress((p, data) => told.push([p.done, p.total, p.message, p.percent, data.kind]))
      .done((result, data) => told.push([result.imported, data.kind]))
      .failed(() => told.push('failed'));
    assert.equal(chained, job);
    page.advance(0);
    page.last.reply([message('progress', { kind: 'k', ...progress(40, 160, 'forty') })], 'c1');
    page.last.reply([message('done', { kind: 'k', result: { imported: 7 } })], 'c2');
    assert.deepEqual(told, [[40, 160, 'forty', 25, 'k'], [7, 'k']]);
  });

  test('each event of a job has its callback and its first argument', () => {
    const data = { result: 'R', error: 'E', ...progress(1, 2) };
    const expected = {
      queued: 'data', running: 'data', cancelled: 'data', unknown: 'data', done: 'R', failed: 'E', retrying: 'E'
    };
    for (const event of Object.keys(expected)) {
      const { page, job } = held();
      const told = [];
      Object.keys(expected).forEach((name) => job[name]((first, whole) => told.push([name, first, whole])));
      job.any((name, whole) => told.push(['any', name, whole]));
      page.last.reply([message(event, data)], 'c2');
      assert.equal(told.length, 2);
      assert.equal(told[0][0], event);
      if (expected[event] === 'data') assert.equal(told[0][1], told[0][2]);
      else assert.equal(told[0][1], expected[event]);
      assert.equal(told[0][2].result, 'R');
      assert.deepEqual(told[1].slice(0, 2), ['any', event]);
    }
  });

  test('a job that is unknown is still asked for, since it may appear', () => {
    const { page, job } = held();
    const told = [];
    job.unknown((data) => told.push(data.state)).queued((data) => told.push(data.state));
    page.last.reply([message('unknown', { state: 'unknown' })], 'c2');
    page.advance(200);
    page.last.reply([message('queued', { state: 'available' })], 'c3');
    assert.deepEqual(told, ['unknown', 'available']);
  });

  test('percent is rounded down and null when the total is unknown', () => {
    const { page, job } = held();
    const percents = [];
    job.progress((p) => percents.push(p.percent));
    const steps = [[999, 1000], [5, null], [5, 0], [1000, 1000], [12, 10], [29, 100]];
    page.last.reply(steps.map(([done, total]) => message('progress', progress(done, total))), 'c2');
    assert.deepEqual(percents, [99, null, null, 100, 100, 29]);
  });

  test('a callback that comes late is called with the last state, but not from inside its registration', () => {
    const { page, job } = held();
    page.last.reply([message('done', { result: 7 })], 'c2');
    page.advance(60000);
    const told = [];
    job.done((result) => told.push(result)).running(() => told.push('running')).any((event) => told.push(event));
    assert.deepEqual(told, []);
    page.advance(0);
    assert.deepEqual(told, [7, 'done']);
    page.advance(60000);
    assert.deepEqual(told, [7, 'done']);
  });

  test('a late callback overtaken by news hears only the news', () => {
    const { page, job } = held();
    page.last.reply([message('progress', progress(1, 10))], 'c2');
    page.advance(200);
    const told = [];
    job.progress((p) => told.push(p.done));
    page.last.reply([message('progress', progress(2, 10))], 'c3');
    page.advance(0);
    assert.deepEqual(told, [2]);
  });

  test('a callback registered by a callback is called once', () => {
    const { page, job } = held();
    const told = [];
    job.done(() => job.done((result) => told.push(result)));
    page.last.reply([message('done', { result: 7 })], 'c2');
    page.advance(10);
    assert.deepEqual(told, [7]);
  });

  test('a final state drops the job from later polls, and the last one ends the polling', () => {
    for (const event of ['done', 'failed', 'cancelled']) {
      const { page, client } = held();
      client.job('u');
      page.advance(0);
      page.last.reply([message(event, {})], 'c2');
      page.advance(200);
      assert.deepEqual(names(page.last), ['u']);
      page.last.reply([message(event, {}, null, 'u')], 'c3');
      const sent = page.requests.length;
      page.advance(600000);
      assert.equal(page.requests.length, sent);
      assert.equal(page.clock.timers.length, 0);
    }
  });

  test('a finished job may be asked for again', () => {
    const { page, client, job } = held();
    page.last.reply([message('done', { result: 7 })], 'c2');
    const again = client.job('t');
    const told = [];
    again.done((result) => told.push(result));
    assert.notEqual(again, job);
    page.advance(0);
    assert.deepEqual([names(page.last), page.last.cursor, page.last.wait], [['t'], null, 0]);
    page.last.reply([message('done', { result: 7 })], 'c9');
    assert.deepEqual(told, [7]);
  });

  test('the same ticket twice is the same job', () => {
    const { page, client } = open();
    assert.equal(client.job('t'), client.job('t'));
    page.advance(0);
    assert.deepEqual(names(page.last), ['t']);
  });

  test('a stopped job tells nothing more', () => {
    const { page, job } = held();
    const told = [];
    job.progress((p) => { told.push(p.done); job.stop(); }).progress((p) => told.push(p.done));
    page.last.reply([message('progress', progress(1, 2)), message('progress', progress(2, 2))], 'c2');
    job.progress((p) => told.push(p.done));
    page.advance(1000);
    assert.deepEqual(told, [1]);
    assert.equal(page.pending.length, 0);
  });

  test('stopping the last job gives up its request', () => {
    const { page, job } = held();
    const { last } = page;
    job.stop();
    assert.equal(last.aborted, true);
    page.advance(600000);
    assert.equal(page.last, last);
  });

  test('a channel calls what is bound, for its event or for all', () => {
    const { page, client } = open();
    const told = [];
    const news = client.subscribe('news');
    const all = (event, data) => told.push([event, data]);
    const extra = (data) => told.push(['extra', data]);
    assert.equal(news.bind('a', (data, whole) => told.push([data, whole.id])), news);
    news.bind(all).bind('a', extra);
    page.advance(0);
    page.last.reply([message('a', 1, '5', 'news'), message('b', 2, '6', 'news')], 'c1');
    assert.deepEqual(told.splice(0, 99), [[1, '5'], ['a', 1], ['extra', 1], ['b', 2]]);
    news.unbind('a', extra).unbind(all);
    page.last.reply([message('a', 3, '7', 'news'), message('b', 4, '8', 'news')], 'c2');
    assert.deepEqual(told.splice(0, 99), [[3, '7']]);
    page.advance(200);
    news.unbind('a');
    page.last.reply([message('a', 5, '9', 'news')], 'c3');
    assert.deepEqual(told, []);
    news.unsubscribe();
    page.advance(60000);
    assert.equal(page.pending.length, 0);
  });

  test('the first poll asks for no wait and the next ones are held', () => {
    const { page, client } = open();
    client.subscribe('news');
    page.advance(0);
    assert.deepEqual([page.last.cursor, page.last.wait], [null, 0]);
    page.last.reply([], 'c1');
    assert.deepEqual([page.last.cursor, page.last.wait], ['c1', 25]);
    page.advance(25000);
    page.last.reply([], 'c2');
    assert.deepEqual([page.last.cursor, page.last.wait], ['c2', 25]);
    assert.equal(page.requests.length, 3);
  });

  test('the cursor stays where it is when a poll fails, and the messages come by the next one', () => {
    const breaks = [
      (page) => page.last.fail(),
      (page) => page.last.status(500, 'oops'),
      (page) => page.last.status(200, '{"messages":[{"channel":"news","event":"a","data":1}],"cur'),
      (page) => page.last.status(200, '"text"'),
      (page) => page.last.status(200, 'null'),
      (page) => page.last.status(200, '{"cursor":"c9"}'),
      (page) => page.last.status(200, '<html>log in first</html>'),
      (page) => page.advance(35000),
    ];
    for (const broken of breaks) {
      const { page, client } = held();
      const told = [];
      client.subscribe('news').bind('a', (data) => told.push(data));
      page.advance(0);
      broken(page);
      assert.equal(client.state, 'offline');
      page.advance(500);
      assert.equal(page.last.cursor, 'c1');
      page.last.reply([message('a', 1, '5', 'news')], 'c2');
      assert.equal(page.last.cursor, 'c2');
      assert.deepEqual(told, [1]);
    }
  });

  test('a message that comes twice is delivered once, by channel and id', () => {
    const { page, client } = open();
    const told = [];
    client.subscribe('news').bind('a', (data) => told.push(data));
    client.subscribe('other').bind('a', (data) => told.push(`other ${data}`));
    page.advance(0);
    page.last.reply([message('a', 1, '5', 'news'), message('a', 1, '5', 'news'), message('a', 1, '5', 'other')], 'c1');
    page.last.reply([message('a', 1, '5', 'news'), message('a', 2, '6', 'news')], 'c2');
    page.advance(200);
    page.last.reply([message('a', 3, undefined, 'news'), message('a', 4, undefined, 'news')], 'c3');
    page.advance(200);
    page.last.reply([message('a', 5, null, 'news'), message('a', 6, null, 'news')], 'c4');
    assert.deepEqual(told, [1, 'other 1', 2, 3, 4, 5, 6]);
  });

  test('the memory for duplicates is a few thousand messages and no more', () => {
    const { page, client } = open();
    const told = [];
    client.subscribe('news').bind('a', (data) => told.push(data));
    page.advance(0);
    const many = Array.from({ length: 2001 }, (_, i) => message('a', i, String(i), 'news'));
    page.last.reply(many, 'c1');
    assert.equal(told.length, 2001);
    page.last.reply([many[1], many[1300], many[2000], many[0]], 'c2');
    assert.deepEqual(told.slice(2001), [0]);
  });

  test('a state of a job is told once, again when the job comes back to it, and again after a reset', () => {
    const { page, job } = held();
    const told = [];
    job.any((event) => told.push(event));
    page.last.reply([message('running', {}, 'r'), message('running', {}, 'r'), message('queued', {}, 'q')], 'c2');
    page.advance(200);
    page.last.reply([message('running', {}, 'r')], 'c3');
    page.advance(200);
    page.last.reply([message('running', {}, 'r')], 'c4', { reset: true });
    assert.deepEqual(told, ['running', 'queued', 'running', 'running']);
  });

  test('a reset is told before the messages that come with it', () => {
    const { page, client, job } = held();
    const told = [];
    assert.equal(client.onreset(() => told.push('reset')), client);
    job.any((event) => told.push(event));
    page.last.reply([message('running', {})], 'c2', { reset: true });
    assert.deepEqual(told, ['reset', 'running']);
    page.advance(200);
    page.last.reply([], 'c3');
    assert.deepEqual(told, ['reset', 'running']);
  });

  test('a callback that throws stops nobody, and its error reaches the browser', () => {
    const { page, client, job } = held();
    const told = [];
    client.onstate(() => { throw new Error('state'); });
    job.progress(() => { throw new Error('first'); }).progress((p) => told.push(p.done));
    job.any(() => { throw new Error('any'); });
    page.last.reply([message('progress', progress(1, 2)), message('done', {})], 'c2');
    job.done(() => { throw new Error('late'); });
    assert.deepEqual(told, [1]);
    page.advance(0);
    assert.deepEqual(page.clock.errors.map((error) => error.message), ['first', 'any', 'any', 'late']);
  });

  test('everything added in one turn goes into one request', () => {
    const { page, client } = open();
    const wanted = Array.from({ length: 20 }, (_, i) => `ticket-${i}`);
    wanted.forEach((name) => client.job(name));
    assert.equal(page.requests.length, 0);
    page.advance(0);
    assert.equal(page.requests.length, 1);
    assert.deepEqual(names(page.last), wanted);
  });

  test('a job added while a poll is in flight is asked for at once, at the same cursor', () => {
    const { page, client } = held();
    const first = page.last;
    client.job('u');
    client.job('v');
    assert.equal(first.aborted, false);
    page.advance(0);
    assert.equal(first.aborted, true);
    assert.equal(page.pending.length, 1);
    assert.deepEqual([names(page.last), page.last.cursor, page.last.wait], [['t', 'u', 'v'], 'c1', 25]);
    assert.equal(client.state, 'connected');
  });

  test('a job added by a callback is in the next poll, which nothing interrupts', () => {
    const { page, client, job } = held();
    job.running(() => client.job('u'));
    page.advance(5000);
    page.last.reply([message('running', {})], 'c2');
    assert.deepEqual([names(page.last), page.last.cursor], [['t', 'u'], 'c2']);
    page.advance(5000);
    assert.equal(page.last.aborted, false);
    assert.equal(page.requests.length, 3);
  });

  test('stop() in a callback holds back the rest, which start() asks for again', () => {
    const { page, client } = open();
    const told = [];
    client.subscribe('news').bind((event) => { told.push(event); if (event === 'a') client.stop(); });
    page.advance(0);
    const both = [message('a', 1, '5', 'news'), message('b', 2, '6', 'news')];
    page.last.reply(both, 'c1');
    page.advance(60000);
    assert.deepEqual([told.join(), client.state, page.requests.length], ['a', 'offline', 1]);
    client.start();
    page.advance(0);
    assert.equal(page.last.cursor, null);
    page.last.reply(both, 'c1');
    assert.deepEqual(told, ['a', 'b']);
  });

  test('what was not asked for, and what makes no sense, is passed over', () => {
    const { page, job } = held();
    const told = [];
    job.any((event, data) => told.push([event, typeof data]));
    page.last.reply([null, 7, {}, message('done', {}, '1', 'other'), message('running', null), message('done')], 'c2');
    page.advance(0);
    assert.deepEqual(told, [['running', 'object'], ['done', 'object']]);
    assert.deepEqual(page.clock.errors, []);
  });

  test('bad arguments get one clear sentence', () => {
    const { page, client } = open();
    assert.throws(() => client.job(), /a ticket or channel is a string .* not undefined/);
    assert.throws(() => client.subscribe(''), /a ticket or channel is a string/);
    assert.throws(() => client.job('t').done('alert'), /a callback is a function, not alert/);
    assert.throws(() => client.subscribe('n').bind('a'), /a callback is a function, not undefined/);
    assert.throws(() => client.onstate(), /a callback is a function/);
    assert.throws(() => client.subscribe('t'), /t is in use both as job\(\) and subscribe\(\)/);
    assert.throws(() => page.LongPoll('', { transport: 'ws' }), /transport is "websocket", .* or "jsonp", not ws/);
    assert.throws(() => page.LongPoll('', { transports: ['xhr', 'toString'] }), /"jsonp", not toString/);
    assert.throws(() => page.LongPoll('', { transports: [] }), /transports is a list with something in it/);
  });

  const STRINGS = ['', 'plain', 'a "quoted" \\ back\\\\slash', 'tab\tline\nreturn\rbell\u0007', '\u2028\u2029',
    'h\u00e9llo', '\ud83d\ude00', '</script>', 'true', '{"a":1}', '\\u0041', '\u0000', "it's", '__proto__', '//',
    '\u00ad\ufeff'];

  test('without JSON, tickets and cursors of any characters reach the server whole', () => {
    for (const json of [false, true]) {
      const { page, client } = open({ json });
      const tickets = STRINGS.filter(Boolean);
      tickets.forEach((ticket) => client.job(ticket));
      page.advance(0);
      assert.deepEqual(names(page.last), tickets);
      assert.match(page.last.raw, /^[\x20-\x7e]+$/);
      page.last.reply([], tickets.join(''));
      assert.equal(page.last.cursor, tickets.join(''));
    }
  });

  test('without JSON, replies are read as JSON would read them', () => {
    const values = [...STRINGS, 0, -0.5, 1e300, 1.5e-7, -12, true, false, null, [], {}, [[], [{}]],
      { a: [1, { 'b c': null }], constructor: 1, 'x\ny': [true, 'null'] }, STRINGS];
    for (const json of [false, true]) {
      for (const [text, space] of values.flatMap((value) => [[value], [value, ' '], [value, '\r\n\t']])) {
        const { page, job } = held({ json });
        const told = [];
        job.done((result) => told.push(result));
        const reply = { messages: [message('done', { result: text })], cursor: 'c' };
        page.last.status(200, JSON.stringify(reply, null, space));
        assert.equal(told.length, 1);
        assert.equal(JSON.stringify(told[0]), JSON.stringify(text));
      }
    }
  });

  test('without JSON, nothing that is not data is ever run', () => {
    const attacks = ['hit()', '(hit())', '{"messages":[],"a":hit()}', '[hit()]', '1;hit()', 'hit`x`', '[1].map(hit)',
      '{"messages":[hit]}', '"a"+hit()', '"\\"+hit()+"', '"\\x41"', "'a'", '"a\nb"', '/x/', '{a:1}',
      '1/*"*/+hit()/*"*/', '"\u2028"+hit()', 'truehit()', 'true1', 'new Date', '1 hit', '`', '0x10', '[,]hit',
      '"', '', ' ', '//', '{"a":1}//',
      'this', 'nullhit', '\u00a0[]', '-hit', '"a"\\u0068it()', 'if(1){}', '{"messages":[],"b":-}'];
    for (const text of attacks) {
      const { page, client } = held();
      page.inside('var hits = 0; function hit() { hits += 1; return []; }');
      page.last.status(200, text);
      assert.equal(client.state, 'offline', text);
      assert.equal(page.inside('hits'), 0, text);
    }
  });
};
