/*
 * A job's state in words for people: the same as sample_app/web/words.py, and a test holds them together.
 *
 *   words.describe(data, now) -> {state, sentence, tone, value, maximum, final}     now: milliseconds since 1970
 */
var words = (function () {
  'use strict';

  function describe(data, now) {
    var said = say(data, now), bar = measure(data);
    return {
      state: said[0], sentence: said[1], tone: said[2], value: bar[0], maximum: bar[1],
      final: data.state === 'done' || data.state === 'dead' || data.state === 'cancelled'
    };
  }

  function say(data, now) {
    if (data.state === 'available') { return ['Waiting', 'Waiting for a worker.', 'waiting']; }
    if (data.state === 'running') {
      var which = data.attempt > 1 ? 'Try ' + data.attempt + ' of ' + data.max_attempts + ': ' : '';
      return ['Running', which + progress(data.progress), 'running'];
    }
    if (data.state === 'scheduled' && data.error) {
      return ['Failed for now', tried(data) + ' ' + when('Next try', data.run_at, now), 'trouble'];
    }
    if (data.state === 'scheduled') { return ['Planned', when('Starts', data.run_at, now), 'waiting']; }
    if (data.state === 'done') { return ['Done', result(data.result), 'done']; }
    if (data.state === 'cancelled') { return ['Cancelled', 'It was taken back before it ran.', 'failed']; }
    return ['Failed', tried(data) + ' It will not be tried again.', 'failed'];
  }

  function progress(it) {
    if (!it) { return 'A worker has begun.'; }
    if (it.message) { return sentence(it.message).replace(/^[a-z]/, function (letter) { return letter.toUpperCase(); }); }
    if (it.total) { return number(it.done) + ' of ' + number(it.total) + '.'; }
    return number(it.done) + ' so far.';
  }

  /* The numbers in a job's result: the answer travels with the news. */
  function result(it) {
    var numbers = [];
    for (var name in it) {
      if (Object.prototype.hasOwnProperty.call(it, name) && typeof it[name] === 'number') {
        numbers.push(name + ' ' + number(it[name]));
      }
    }
    return numbers.length ? 'Everything is done: ' + numbers.join(', ') + '.' : 'Everything is done.';
  }

  function tried(data) {
    var times = {1: 'once', 2: 'twice'}[data.attempt] || data.attempt + ' times';
    var error = data.error || {};
    return 'Tried ' + times + ': ' + sentence(error.message || error.type || 'it did not say why');
  }

  function sentence(text) {
    text = String(text).replace(/^\s+|\s+$/g, '');
    return /[.!?…]$/.test(text) ? text : text + '.';
  }

  function when(what, runAt, now) {
    if (!runAt) { return what + ' soon.'; }
    var seconds = Math.floor((Date.parse(runAt) - now) / 1000 + 0.999);
    if (seconds <= 0) { return what + ' at any moment.'; }
    if (seconds < 100) { return what + ' in ' + seconds + ' s.'; }
    return what + ' in ' + Math.floor((seconds + 59) / 60) + ' minutes.';
  }

  function measure(data) {
    if (data.state === 'done') { return [1, 1]; }
    if (data.progress && data.progress.total) {
      return [Math.min(data.progress.done, data.progress.total), data.progress.total];
    }
    return data.state === 'running' ? [null, null] : [0, 1];
  }

  function number(value) {
    return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
  }

  return {describe: describe, number: number};
}());
