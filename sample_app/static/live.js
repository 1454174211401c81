/*
 * One longpoll client for everything that this page waits for; the way by which news comes, chosen by its reader; and
 * what that costs, measured. ES3, as longpoll.js itself.
 *
 *   live.follow(ticket, {rung: fn}, ready)   fn(data) for each message
 *   live.use(fn)                             fn(client), again whenever another way is chosen
 *   live.seen(ms)                            something came back that this page sent: it took so long
 *
 * The order is the point: listen first, then read, then wait. `ready` is called when the client listens, and reads what
 * there is; what comes later is pushed, and what is both read and pushed must not count twice. After a reset (the page
 * was away for longer than messages are kept) it is called again.
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

  var url = document.body.getAttribute('data-push');
  var client = null, listening = false, way = recalled(), users = [], waiting = [];
  var followed = [], times = [], messages = 0;
  var polls = 0, lines = 0;               // requests answered; connections made, where one serves for many messages

  function recalled() {
    try { return window.localStorage.getItem(REMEMBERED) || 'auto'; } catch (forbidden) { return 'auto'; }
  }

  function choose(other) {
    way = other;
    try { window.localStorage.setItem(REMEMBERED, way); } catch (forbidden) { /* then for this page alone */ }
    if (client) { client.stop(); }
    times = [];
    connect();
  }

  function connect() {
    var mine = null;
    listening = false;
    messages = polls = lines = 0;
    try {
      mine = client = LongPoll(url, way === 'auto' ? {} : {transport: way});
    } catch (error) {
      say('note', typeof LongPoll === 'undefined' ?
        'The push server at ' + url + ' did not answer; reload the page when it is back.' : error.message);
      return;
    }
    client.onstate(function () { if (mine === client) { changed(); } });
    client.onreset(catchUp);
    for (var i = 0; i < users.length; i += 1) { users[i](client); }
    changed();
  }

  function changed() {
    var known = WAYS[client.transport || way] || WAYS.xhr;
    if (client.state === 'connected') {
      lines += 1;
      say('note', '');
      if (!listening) {
        listening = true;
        catchUp();
      }
    } else if (client.state === 'offline') {
      say('note', 'The push server does not answer; trying again.');
    }
    say('way', client.state === 'connected' ? known[0] : client.state === 'offline' ? 'Away' : 'Connecting…');
    say('line', known[1]);
    tone(client.state === 'connected' ? 'running' : client.state === 'offline' ? 'trouble' : 'waiting');
    count();
  }

  function catchUp() {
    for (var i = 0; i < waiting.length; i += 1) { waiting[i](); }
  }

  function use(fn) {
    users.push(fn);
    if (client) { fn(client); }
  }

  function follow(ticket, handlers, ready) {
    var counts = !contains(followed, ticket);  // two scripts may follow one channel
    followed.push(ticket);
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
    waiting.push(ready);
    if (listening) { ready(); }
  }

  function contains(list, thing) {
    for (var i = 0; i < list.length; i += 1) { if (list[i] === thing) { return true; } }
    return false;
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
    var held = (WAYS[client.transport || way] || WAYS.xhr) === WAYS.xhr;
    say('requests', String(held ? polls : lines));
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
      if (client) { count(); }
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

  function offerChoice() {
    var inputs = document.querySelectorAll('input[name="way"]');
    for (var i = 0; i < inputs.length; i += 1) {
      inputs[i].checked = inputs[i].value === way;
      page.listen(inputs[i], 'click', chosen);
    }
  }

  function chosen(event) {
    var other = (event.target || event.srcElement).value;
    if (other !== way) { choose(other); }
  }

  document.body.className += ' scripts';
  offerChoice();
  countPolls();
  connect();
  return {follow: follow, use: use, seen: seen};
}());
