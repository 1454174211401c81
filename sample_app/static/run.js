/*
 * The page of one run. Rung 1, reloading, needs no script. Here are
 *   2. polling: one request a second, whether there is news or not;
 *   3. push: the server speaks when there is news. The client is the page's one (live.js); see push() below.
 * Both show what they learn in a panel of their own; when the job has an outcome, its part of the page is fetched once.
 */
(function () {
  'use strict';

  var POLL_EVERY = 1000;   // ms
  var TICK = 200;          // ms between two looks at the clock: fine enough for tenths of a second
  var run = document.getElementById('run');
  var panels = [];
  var fetched = false;

  /* A panel shows words, a bar, how many requests it took, and for how long nothing has changed. */
  function Panel(id) {
    this.root = document.getElementById(id);
    this.data = null;
    this.shown = '';
    this.changed = null;
    this.stopped = false;
    panels.push(this);
  }

  Panel.prototype = {
    part: function (name) { return this.root.querySelector('[data-part="' + name + '"]'); },
    write: function (name, text) {
      var part = this.part(name);
      if (part.textContent !== text) { part.textContent = text; }
    },
    requests: function (text) { this.write('requests', text); },
    trouble: function (text) { this.write('note', text); },

    update: function (data) {
      var now = JSON.stringify(data);
      if (now !== this.shown) {
        this.shown = now;
        this.changed = Date.now();
        this.data = data;
        this.trouble('');
        this.draw();
      }
      if (words.describe(data, Date.now()).final) {
        this.stopped = true;
        fetchOutcome();
      }
    },

    draw: function () {
      var said = words.describe(this.data, page.now()), bar = this.part('bar');
      this.root.setAttribute('data-tone', said.tone);
      this.write('state', said.state);
      this.write('sentence', said.sentence);
      if (said.maximum === null) {
        bar.removeAttribute('value');
      } else {
        bar.max = said.maximum;
        bar.value = said.value;
      }
      var shows = said.maximum && (said.tone === 'running' || said.tone === 'done');
      this.write('percent', shows ? Math.floor(said.value / said.maximum * 100) + ' %' : '');
    },

    tick: function () {
      if (!this.data) { return; }
      if (this.data.state === 'scheduled') { this.draw(); }  // "in 12 s", "in 11 s"
      if (!this.stopped) { this.write('age', ((Date.now() - this.changed) / 1000).toFixed(1) + ' s'); }
      else { this.write('age', 'finished'); }
    }
  };

  function poll() {
    var panel = new Panel('polling'), count = 0;
    (function ask() {
      count += 1;
      panel.requests(words.number(count));
      page.ask('GET', run.getAttribute('data-status-url'), null, function (text) {
        panel.update(JSON.parse(text));
        if (!panel.stopped) { setTimeout(ask, POLL_EVERY); }
      }, function (status) {
        panel.trouble(status ? 'The server answered ' + status + '; asking on.' : 'The server does not answer; asking on.');
        setTimeout(ask, POLL_EVERY);
      });
    }());
  }

  function push() {
    var panel = new Panel('push');
    var show = function (ignored, data) { panel.update(data); };
    live.use(function (client) {
      client.job(run.getAttribute('data-ticket'))
        .queued(show).running(show).progress(show).retrying(show).cancelled(show).done(show).failed(show)
        .denied(function (error) { panel.trouble('The push server refuses the ticket: ' + error.message); });
    });
  }

  function fetchOutcome() {
    if (fetched) { return; }
    fetched = true;
    page.ask('GET', run.getAttribute('data-outcome-url'), null, function (html) {
      document.getElementById('outcome').innerHTML = html;  // our own template, escaped there
    }, function () { fetched = false; });
  }

  setInterval(function () { panels.forEach(function (panel) { panel.tick(); }); }, TICK);
  poll();
  push();
}());
