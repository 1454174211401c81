/* The tabs of one browser: one asks for all, and whatever happens to it, each hears everything once. */
'use strict';
const { Server, isOver } = require('./js_server.js');

module.exports = ({ assert, test, browser: makeBrowser }) => {
  const MODERN = { websocket: true };

  // A small generator of numbers, the same for the same seed.
  function numbers(seed) {
    let state = seed * 2654435761 + 1;
    return () => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
      const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39);
      return ((mixed ^ (mixed >>> 15)) >>> 0) / 4294967296;
    };
  }

  // A browser before a server.
  function site(options, seed) {
    const browser = makeBrowser({ ...MODERN, ...options });
    const server = new Server(browser, numbers(seed || 1)).start();
    // A new tab that listens to channels; what it hears stands in tab.heard.
    const open = (...channels) => {
      const tab = server.serve(browser.tab());
      tab.open();
      tab.listen = (name) => {
        tab.heard[name] = [];
        const hear = (event, data) => tab.heard[name].push(name.startsWith('job') ? data.version : data);
        return name.startsWith('job') ? tab.client.job(name).any(hear) : tab.client.subscribe(name).bind(hear);
      };
      new Set(channels).forEach(tab.listen);
      return tab;
    };
    const pass = (ms) => { browser.clock.advance(ms); assert.deepEqual(browser.errors, []); };
    const asking = () => browser.tabs.filter((tab) => !tab.requests.concat(tab.streams).every(isOver));
    return { browser, server, open, pass, asking };
  }

  // All that was published since a tab began with a channel has come, once and in order.
  function heardAll({ browser, server }) {
    for (const tab of browser.tabs) {
      for (const [name, heard] of Object.entries(tab.heard)) {
        if (name.startsWith('job')) {
          assert.equal(heard[heard.length - 1], server.jobs[name] || 0, name);
          assert.deepEqual(heard, [...new Set(heard)].sort((a, b) => a - b), `${name}: ${heard}`);
        } else {
          const after = server.log.slice(tab.begins[name]);
          const due = after.filter((one) => one.channel === name).map((one) => one.data);
          assert.deepEqual(heard.filter((data) => data >= tab.begins[name]), due, name);
          assert.equal(new Set(heard).size, heard.length, `${name}: ${heard}`);
        }
      }
    }
  }

  const BUSES = [
    { bus: 'channel' }, { bus: 'channel', locks: false }, { bus: 'storage' }, { bus: 'storage', echo: true },
    { bus: 'storage', json: false, websocket: false },
  ];

  test('tabs share one connection, and each hears what it asked for', () => {
    for (const options of BUSES) {
      const all = site(options);
      const tabs = [all.open('news', 'job1'), all.open('news', 'other'), all.open('job1'), all.open('third')];
      all.pass(2000);
      assert.equal(all.asking().length, 1, JSON.stringify(options));
      assert.equal(tabs.filter((tab) => tab.client.shared).length, 3);
      assert.deepEqual(tabs.map((tab) => tab.client.state), Array(4).fill('connected'));
      for (let i = 0; i < 20; i += 1) {
        ['news', 'other', 'third'].forEach((name) => all.server.publish(name));
        all.server.change('job1');
        all.pass(170);
      }
      all.pass(1000);
      heardAll(all);
      assert.equal(tabs[0].heard.news.length, 20);
      assert.equal(tabs[1].heard.news.length, 20);
      assert.deepEqual(tabs[3].heard.third.length, 20);
      assert.equal(all.asking().length, 1);
    }
  });

  test('where tabs cannot hear each other, each asks for itself', () => {
    for (const options of [{ bus: 'none' }, { bus: 'forbidden' }, { bus: 'storage', events: false }]) {
      const all = site(options);
      const tabs = [all.open('news'), all.open('news')];
      all.pass(2000);
      assert.equal(all.asking().length, 2);
      all.server.publish('news');
      all.pass(1000);
      heardAll(all);
      assert.deepEqual(tabs.map((tab) => tab.client.shared), [false, false]);
    }
  });

  test('pages that do not share, or ask another server or another way, keep to themselves', () => {
    const { browser, pass, asking, server } = site();
    const open = (url, options) => {
      const tab = server.serve(browser.tab({}, url));
      tab.open(options).subscribe('news');
    };
    open('');
    open('', { share: false });
    open('http://push.example');
    open('', { transport: 'xhr' });
    open('http://site.example/');
    open('', { transport: 'xhr' });
    pass(3000);
    assert.equal(asking().length, 4);
  });

  test('two clients of one page share as well', () => {
    const { browser, server, pass } = site();
    const tab = server.serve(browser.tab());
    const told = [];
    [1, 2].forEach((n) => tab.LongPoll('').subscribe('news').bind((event, data) => told.push([n, data])));
    pass(2000);
    server.publish('news');
    pass(1000);
    assert.deepEqual(told.sort(), [[1, 0], [2, 0]]);
    assert.equal(tab.streams.filter((one) => !one.over).length, 1);
  });

  test('the first news of a tab comes by a request of its own', () => {
    const all = site();
    all.open('job1');
    all.pass(2000);
    const late = all.open('job1');
    all.pass(45);
    assert.deepEqual(late.heard.job1, [0]);
    assert.deepEqual([late.requests.length, late.requests[0].wait], [1, 0]);
    all.pass(1000);
    assert.equal(late.requests.length, 1);
  });

  test('a tab that comes later hears nothing that is older than it', () => {
    const all = site();
    all.open('mine');
    all.pass(20000);
    for (let i = 0; i < 5; i += 1) all.server.publish('yours');
    all.pass(2000);
    const late = all.open('yours');
    all.pass(2000);
    all.server.publish('yours');
    all.pass(1000);
    assert.deepEqual(late.heard.yours, [5]);
  });

  // Lets it happen, publishes meanwhile, and says how long nobody was connected.
  function handover(options, happens) {
    const all = site(options);
    const tabs = ['a', 'b', 'c'].map((name) => all.open('news', 'job1', name));
    all.pass(3000);
    const [leader] = all.asking();
    happens(all, leader);
    const begin = all.browser.clock.time;
    let taken = null;
    for (let i = 0; i < 60; i += 1) {
      all.server.publish('news');
      if (i % 7 === 0) all.server.change('job1');
      all.pass(50);
      const others = all.asking().filter((tab) => tab !== leader && tab.streams.some((one) => !one.over && one.frames));
      if (taken === null && others.length) taken = all.browser.clock.time - begin;
    }
    all.pass(3000);
    return { ...all, leader, tabs, taken };
  }

  test('when the leader is closed, another takes over at once', () => {
    for (const options of BUSES.slice(0, 4)) {
      const all = handover(options, ({ browser }, leader) => browser.close(leader));
      assert.ok(all.taken <= 250, `${all.taken} ms`);
      heardAll(all);
      assert.equal(all.asking().length, 1);
    }
  });

  test('when the leader crashes, another takes over within two seconds, and by its lock at once', () => {
    for (const options of BUSES.slice(0, 4)) {
      const all = handover(options, ({ browser }, leader) => browser.kill(leader));
      const locks = options.bus === 'channel' && options.locks !== false;
      assert.ok(all.taken <= (locks ? 300 : 2000), `${all.taken} ms`);
      heardAll(all);
      assert.equal(all.asking().length, 1);
    }
  });

  test('when the leader hangs, another takes over within two seconds, and it follows when it wakes', () => {
    for (const options of BUSES.slice(0, 4)) {
      const all = handover(options, (_, leader) => { leader.hung = true; });
      assert.ok(all.taken <= 2000, `${all.taken} ms`);
      all.leader.hung = false;
      all.pass(3000);
      all.server.publish('news');
      all.pass(1000);
      heardAll(all);
      assert.equal(all.asking().length, 1);
      assert.equal(all.leader.client.shared, true);
    }
  });

  test('a leader that is frozen hands over, and comes back as a follower', () => {
    const all = handover({}, (_, leader) => leader.fire('freeze'));
    assert.ok(all.taken <= 250, `${all.taken} ms`);
    all.leader.fire('resume');
    all.pass(3000);
    heardAll(all);
    assert.equal(all.asking().length, 1);
  });

  test('a leader that stops hands over, and one whose jobs are done goes on for the others', () => {
    const all = handover({}, (_, leader) => leader.client.stop());
    assert.ok(all.taken <= 250, `${all.taken} ms`);
    all.leader.client.start();
    all.pass(3000);
    heardAll(all);
    const { browser, server, open, pass, asking } = site();
    const first = open('job1');
    pass(1000);
    open('news');
    pass(2000);
    first.client.job('job1').stop();
    server.publish('news');
    pass(2000);
    assert.deepEqual(asking(), [browser.tabs[0]]);
    heardAll({ browser: { tabs: [browser.tabs[1]] }, server });
    browser.close(browser.tabs[1]);
    pass(2000);
    assert.deepEqual(asking(), []);
  });

  test('when all connections break, they are shared again, and nothing is lost', () => {
    const all = handover({}, ({ server }) => server.cut());
    heardAll(all);
    assert.equal(all.asking().length, 1);
    const away = handover({}, ({ server, pass }) => {
      server.away = true;
      server.cut();
      pass(3000);
      server.away = false;
    });
    away.pass(30000);
    heardAll(away);
    assert.equal(away.asking().length, 1);
  });

  test('followers say what their leader says: that the server is away, and back, and by what the news comes', () => {
    const { server, open, pass } = site();
    const tabs = [open('news'), open('news')];
    pass(2000);
    assert.deepEqual(tabs.map((tab) => tab.client.transport), ['websocket', 'websocket']);
    const states = [];
    tabs[1].client.onstate((state) => states.push(state));
    server.away = true;
    server.cut();
    pass(5000);
    assert.deepEqual(tabs.map((tab) => tab.client.state), ['offline', 'offline']);
    server.away = false;
    pass(30000);
    assert.deepEqual(tabs.map((tab) => tab.client.state), ['connected', 'connected']);
    assert.deepEqual(states, ['offline', 'connected']);
  });

  test('what a follower adds it hears from the beginning, and what it drops is asked for no more', () => {
    const all = site();
    const [first, second] = [all.open('job1'), all.open('news')];
    all.pass(2000);
    all.server.change('job1');
    all.pass(1000);
    second.listen('job1');
    first.listen('news');
    all.pass(2000);
    assert.deepEqual([second.heard.job1, first.heard.job1], [[1], [0, 1]]);
    all.server.publish('news');
    all.pass(1000);
    heardAll(all);
    const [leader] = all.asking();
    const follower = all.browser.tabs.find((tab) => tab !== leader);
    follower.listen('busy').unsubscribe();
    follower.listen('loud');
    all.pass(2000);
    assert.deepEqual(leader.stream.asked.channels.slice().sort(), ['job1', 'loud', 'news']);
    follower.client.subscribe('loud').unsubscribe();
    all.server.publish('loud');
    all.pass(2000);
    assert.deepEqual(leader.stream.asked.channels.slice().sort(), ['job1', 'news']);
  });

  test('a word that gets lost between tabs is noticed by its number', () => {
    const all = site();
    all.open('news');
    all.pass(1000);
    all.open('news');
    all.pass(2000);
    let words = 0;
    all.browser.lost = (word) => { words += word.type === 'news'; return word.type === 'news' && words === 2; };
    for (let i = 0; i < 10; i += 1) {
      all.server.publish('news');
      all.pass(500);
    }
    all.pass(2000);
    heardAll(all);
    assert.ok(words > 5);
    assert.equal(all.asking().length, 1);
  });

  test('a storage that is full costs a request, and nothing else', () => {
    const all = site({ bus: 'storage' });
    const tabs = [all.open('news'), all.open('news')];
    all.pass(2000);
    all.server.log.push({ channel: 'news', event: 'said', data: 0, id: '0', filler: 'x'.repeat(6000) });
    all.server.nodes.fill(1);
    all.server.look();
    all.pass(200);
    assert.deepEqual(tabs.map((tab) => tab.heard.news.length).sort(), [0, 1]);
    all.server.publish('news');
    all.pass(2000);
    heardAll(all);
    assert.equal(all.asking().length, 1);
  });

  test('a ticket that is denied is told to the tab that has it, and the others go on', () => {
    const { browser, open, pass } = site();
    const tabs = [open('news'), open('news')];
    pass(2000);
    const told = [];
    const leader = tabs.find((tab) => !tab.client.shared);
    const other = tabs.find((tab) => tab.client.shared);
    other.client.subscribe('private').denied((error) => told.push(error.code));
    pass(2000);
    assert.ok(leader.stream.asked.channels.includes('private'));
    leader.stream.refuse(403, 'bad_ticket', ['private']);
    pass(2000);
    assert.deepEqual(told, ['bad_ticket']);
    assert.deepEqual(leader.stream.asked.channels, ['news']);
    assert.deepEqual([browser.tabs.length, leader.client.state, other.client.state], [2, 'connected', 'connected']);
  });

  test('when what all ask for together is refused, each asks for itself', () => {
    const { server, open, pass, asking, browser } = site();
    const tabs = [open('news'), open('news')];
    pass(2000);
    const stopped = [];
    tabs.forEach((tab) => tab.client.onerror((text) => stopped.push(text)));
    asking()[0].stream.refuse(400, 'bad_request', []);
    pass(3000);
    assert.deepEqual([asking().length, stopped], [2, []]);
    server.publish('news');
    pass(1000);
    heardAll({ browser, server });
  });

  test('a tab that died without a word is struck off in two minutes, and one that was only asleep comes back', () => {
    const all = site({ locks: false });
    const leader = all.open('news');
    all.pass(1000);
    const [dead, asleep] = [all.open('dead'), all.open('asleep')];
    all.pass(2000);
    all.browser.kill(dead);
    asleep.hung = true;
    all.pass(130000);
    all.server.publish('asleep');
    all.server.publish('dead');
    all.pass(2000);
    assert.deepEqual(leader.stream.asked.channels, ['news']);
    asleep.hung = false;
    all.pass(3000);
    heardAll(all);
    assert.equal(all.asking().length, 1);
  });

  test('a hidden page does not ask whether its leader is there where a lock tells', () => {
    const { browser, open, pass } = site();
    const tabs = [open('news'), open('news')];
    pass(2000);
    tabs.forEach((tab) => tab.inside('document.hidden = true'));
    pass(1000);
    const said = browser.said.length;
    pass(20000);
    assert.equal(browser.said.filter((word, at) => at >= said && word.type === 'who').length, 0);
    tabs.forEach((tab) => tab.inside('document.hidden = false'));
    pass(2000);
    assert.ok(browser.said.filter((word, at) => at >= said && word.type === 'who').length > 0);
  });

  test('a leader that nobody looks at, and that has no stream, gives way to a page that is shown', () => {
    for (const websocket of [true, false]) {
      const all = site({ websocket });
      [all.open('news'), all.open('news')].forEach(() => all.pass(1500));
      const [leader] = all.asking();
      leader.inside('document.hidden = true');
      all.server.publish('news');
      all.pass(3000);
      assert.equal(all.asking()[0] === leader, websocket);
      all.pass(5000);
      assert.equal(all.asking().length, 1);
      heardAll(all);
    }
  });

  test('tabs that are opened together come to one leader', () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const all = site(BUSES[seed % 4], seed);
      for (let i = 0; i < 6; i += 1) {
        all.open('news');
        all.pass(seed % 3);
      }
      all.pass(3000);
      assert.equal(all.asking().length, 1, `seed ${seed}`);
      all.server.publish('news');
      all.pass(1000);
      heardAll(all);
    }
  });

  // Whatever happens, in whatever order.
  function storm(seed) {
    const random = numbers(seed);
    const pick = (list) => list[Math.floor(random() * list.length)];
    const all = site(pick(BUSES), seed);
    const { browser, server, open, pass } = all;
    const names = ['news', 'other', 'third', 'job1', 'job2'];
    const deeds = [
      () => { if (browser.tabs.length < 5) open(pick(names), pick(names)); },
      () => { if (browser.tabs.length > 1) browser.close(pick(browser.tabs)); },
      () => { if (browser.tabs.length > 1) browser.kill(pick(browser.tabs)); },
      () => { pick(browser.tabs).hung = true; },
      () => { browser.tabs.forEach((tab) => { tab.hung = false; }); },
      () => {
        const tab = pick(browser.tabs);
        if (!tab.hung) tab.listen(names.find((name) => !tab.heard[name]) || 'more');
      },
      () => { pick(browser.tabs).fire('freeze'); },
      () => { browser.tabs.forEach((tab) => tab.fire('resume')); },
      () => { pick(browser.tabs).fire('online'); },
      () => { server.cut(); },
      () => { server.away = true; server.cut(); },
      () => { server.away = false; },
      () => { browser.lost = () => random() < 0.2; },
      () => { browser.lost = null; },
    ];
    open('news', 'job1');
    for (let step = 0; step < 60; step += 1) {
      if (random() < 0.4) pick(deeds)();
      server.publish(pick(names.slice(0, 3)));
      if (random() < 0.5) server.change(pick(names.slice(3)));
      pass(Math.floor(random() * random() * 3000));
    }
    Object.assign(server, { away: false });
    browser.lost = null;
    browser.tabs.forEach((tab) => { tab.hung = false; tab.fire('resume'); });
    pass(200000);
    ['news', 'other', 'third'].forEach((name) => server.publish(name));
    pass(3000);
    heardAll(all);
    return all;
  }

  test('in 300 storms of tabs that come, go, crash, hang and freeze, nothing is lost and nothing comes twice', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      try {
        const { asking } = storm(seed);
        assert.equal(asking().length, 1, 'one connection in the end');
      } catch (error) {
        error.message = `seed ${seed}: ${error.message}`;
        throw error;
      }
    }
  });
};
