// What the language lacked.

function nothing() {}

function now() { return new Date().getTime(); }

// A page's callback that throws is reported by the browser as ever, and stops nobody else's delivery.
function call(fn, a, b, c) {
  try { fn(a, b, c); } catch (error) { setTimeout(function () { throw error; }, 0); }
}

function has(object, name) { return Object.prototype.hasOwnProperty.call(object, name); }

function position(list, item) {
  for (var i = 0; i < list.length; i += 1) {
    if (list[i] === item) { return i; }
  }
  return -1;
}

function remove(list, item) {
  var at = position(list, item);
  if (at >= 0) { list.splice(at, 1); }
  return at >= 0;
}

function listen(target, event, fn) {
  if (target && target.addEventListener) {
    target.addEventListener(event, fn, false);
  } else if (target && target.attachEvent) {
    target.attachEvent('on' + event, function () { fn(root.event || {}); });
  }
}

// The whole address, as a browser reads it that is young enough to need one.
function absolute(address) {
  var anchor = root.document.createElement('a');
  anchor.href = address;
  return anchor.href;
}

// JSON. Strings are quoted here even where JSON is: Prototype.js breaks JSON.stringify for arrays.

function escaped(character) {
  return '\\u' + ('000' + character.charCodeAt(0).toString(16)).slice(-4);
}

function quote(text) { return '"' + String(text).replace(/["\\]|[^\x20-\x7e]/g, escaped) + '"'; }

function encode(value) {
  var parts = [], i;
  if (typeof value === 'string') { return quote(value); }
  if (value === undefined || value === null) { return 'null'; }
  if (typeof value !== 'object') { return String(value); }
  if (Object.prototype.toString.call(value) === '[object Array]') {
    for (i = 0; i < value.length; i += 1) { parts.push(encode(value[i])); }
    return '[' + parts.join(',') + ']';
  }
  for (i in value) {
    if (has(value, i)) { parts.push(quote(i) + ':' + encode(value[i])); }
  }
  return '{' + parts.join(',') + '}';
}

function decoded(text) {
  try { return root.JSON && root.JSON.parse ? root.JSON.parse(text) : decode(text); } catch (broken) { return null; }
}

// Evaluated, but only when nothing in it can act: with strings, numbers and the three words taken out, brackets,
// commas and colons are all that may be left. No name, no operator, no call gets through.
function decode(text) {
  var bones = text.replace(/"[^"\\\x00-\x1f]*(?:\\(?:["\\\/bfnrt]|u[\da-fA-F]{4})[^"\\\x00-\x1f]*)*"/g, ' ')
    .replace(/-?\b\d+(?:\.\d+)?(?:[eE][+\-]?\d+)?\b|\b(?:true|false|null)\b/g, ' ');
  if (/[^\[\]{}:, \t\r\n]/.test(bones)) { throw new Error('LongPoll: not JSON'); }
  return new Function('return (' + text.replace(/[\x7f-\uffff]/g, escaped) + ')')();
}
