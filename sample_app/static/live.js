/*
 * One longpoll client for everything that this page waits for; the way by which news comes, chosen by its reader; and
 * what that costs, measured. ES3, as longpoll.js itself.
 *
 *   live.follow(ticket, {rung: fn}, ready)   fn(data) for each message
 *   live.use(fn)                             fn(client), again whenever another way is chosen
 *   live.seen(ms)                            something came back that this page sent: it took so long
 *
 * The order is the point: listen first, then read, then wait. All scripts say what they follow; when the page is
 * complete, the client asks for all of it; when it listens, `ready` is called and reads what there is. What comes later
 * is pushed, and what is both read and pushed must not count twice. After a reset (the page was away for longer than
 * messages are kept) `ready` is called again.
 *
 * Whatever is marked data-live="way", "line", "requests", "messages", "latency", "median" or "note" is written here.
 */
var live = (function () {
  var WAYS = {
    websocket: ['Websocket', 'One connection that stays open; each message is a frame of it.'],
    eventsource: ['Event stream', 'One answer that does not end; each message is a piece of it.'],
    xhr: ['Long-poll', 'One request that is answered when there is news, and then the next one.']
  };
  WAYS.xdr = WAYS.jsonp = WAYS.xhr;
  var REMEMBERED = 'way';                 // in localStorage: the choice is for all pages
  var MEASURED = 50;                      // of the last so many the median is told

  var url = document.body.getAttribute('data-push'), way = recalled(), client = null, listening = false;
  var users = [], followed = [], readers = [];
  var messages = 0, polls = 0, streams = 0, times = [];

  // What the page waits for.

  function use(fn) { users.push(fn); }

  function follow(ticket, handlers, ready) {
    var counts = !contains(followed, ticket);  // two scripts may follow one channel
    followed.push(ticket);
    readers.push(ready);
    use(function (client) {
      client.subscribe(ticket).bind(function (event, data) {
        if (counts) {
          messages += 1;
          count();
        }
        if (handlers[event]) { handlers[event](data); }
      }).denied(function (error) {
        say('note', 'The push server refuses this page: ' + error.message + '. Reload it.');
      });
    });
  }

  function contains(list, thing) {
    for (var i = 0; i < list.length; i += 1) { if (list[i] === thing) { return true; } }
    return false;
  }

  function read() {
    for (var i = 0; i < readers.length; i += 1) { readers[i](); }
  }

  // The way.

  function recalled() {
    var name = 'auto';
    try { name = window.localStorage.getItem(REMEMBERED); } catch (forbidden) { /* then the best there is */ }
    return WAYS[name] ? name : 'auto';
  }

  function choose(event) {
    var before = client;
    way = (event.target || event.srcElement).value;
    try { window.localStorage.setItem(REMEMBERED, way); } catch (forbidden) { /* then for this page alone */ }
    client = null;
    if (before) { before.stop(); }
    connect();
  }

  function connect() {
    var mine;
    listening = false;
    messages = polls = streams = 0;
    times = [];
    try {
      mine = client = LongPoll(url, way === 'auto' ? {} : {transport: way});
    } catch (error) {
      say('note', typeof LongPoll === 'undefined' ?
        'The push server at ' + url + ' did not answer; reload the page when it is back.' : error.message);
      return;
    }
    function changed() { if (mine === client) { show(); } }
    mine.onstate(changed).ontransport(changed).onreset(read);
    for (var i = 0; i < users.length; i += 1) { users[i](mine); }
  }

  function show() {
    var connected = client.state === 'connected', away = client.state === 'offline';
    var known = WAYS[client.transport || (way === 'auto' ? 'xhr' : way)];  // the first news is fetched by a request
    if (connected && !listening) {
      listening = true;
      read();
    }
    if (connected && known !== WAYS.xhr) { streams += 1; }
    say('way', away ? 'Away' : connected ? known[0] + (client.shared ? ', by another tab' : '') : 'Connecting…');
    say('line', known[1]);
    say('note', away ? 'The push server does not answer; trying again.' : '');
    tone(away ? 'trouble' : connected ? 'running' : 'waiting');
    count();
  }

  // The meter.

  function seen(ms) {
    times.push(ms);
    if (times.length > MEASURED) { times.shift(); }
    var sorted = times.slice(0).sort(function (a, b) { return a - b; });
    say('latency', Math.round(ms) + ' ms');
    say('median', Math.round(sorted[Math.floor(sorted.length / 2)]) + ' ms, of ' + sorted.length);
  }

  function count() {
    say('requests', String(polls + streams));
    say('messages', String(messages));
  }

  /* The browser keeps the book on its requests, so that the library need not. It enters each one when it is answered. */
  function countPolls() {
    if (typeof PerformanceObserver === 'undefined') { return; }
    new PerformanceObserver(function (list) {
      var entries = list.getEntries();
      for (var i = 0; i < entries.length; i += 1) {
        if (entries[i].name.indexOf(url + '/poll') === 0) { polls += 1; }
      }
      count();
    }).observe({type: 'resource', buffered: true});
  }

  function say(name, text) {
    var places = document.querySelectorAll('[data-live="' + name + '"]');
    for (var i = 0; i < places.length; i += 1) { page.write(places[i], text); }
  }

  function tone(name) {
    var panel = document.getElementById('live');
    if (panel) { panel.setAttribute('data-tone', name); }
  }

  function begin() {
    var inputs = document.querySelectorAll('input[name="way"]');
    for (var i = 0; i < inputs.length; i += 1) {
      inputs[i].checked = inputs[i].value === way;
      page.listen(inputs[i], 'click', choose);
    }
    countPolls();
    connect();
  }

  document.body.className += ' scripts';
  if (document.addEventListener) {
    document.addEventListener('DOMContentLoaded', begin, false);
  } else {
    window.attachEvent('onload', begin);
  }
  return {follow: follow, use: use, seen: seen};
}());
