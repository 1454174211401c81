/*
 * WebSocket and EventSource for js_page.js. Whatever a page opens becomes a Stream in `page.streams`, and stays silent
 * until the test has it say something.
 */
'use strict';

// One stream as the test sees it. `asked` is what it was asked for last, `frames` how often.
class Stream {
  constructor(page, transport, url, tell) {
    Object.assign(this, { page, transport, url, tell, over: false, closed: false, frames: 0, time: page.clock.time });
    page.streams.push(this);
    if (page.serve) page.serve(this);
  }

  asks(asked) {
    this.asked = asked;
    this.frames += 1;
  }

  // The connection stands; a WebSocket asks only then.
  accept() {
    this.tell('open', {});
    return this;
  }

  text(text, type) {
    this.tell(type || 'message', { data: text });
    return this;
  }

  reply(messages, cursor, more) {
    return this.text(JSON.stringify({ messages, cursor, reset: false, ...more }));
  }

  refuse(status, code, channels) {
    const text = JSON.stringify({ error: { code, message: `${code}.`, status, channels } });
    return this.text(text, this.transport === 'eventsource' ? 'refused' : 'message');
  }

  // It breaks, or is refused; by the other side.
  drop() {
    this.over = true;
    this.tell('error', {});
    this.tell('close', {});
    return this;
  }

  // By the page.
  close() {
    this.over = this.closed = true;
  }
}

// `draft`: of 2010, before there was a state between open and closed.
function fakeWebSocket(page, draft) {
  function Ws(url) {
    if (!/^wss?:\/\//.test(url)) throw new Error(`SyntaxError: ${url} is no address of a websocket`);
    const self = this;
    let open = false;
    const stream = new Stream(page, 'websocket', url, (type, event) => {
      if (stream.closed) return;
      if (type === 'open') open = true;
      if (self[`on${type}`]) self[`on${type}`](event);
    });
    self.send = (text) => {
      if (!open) throw new Error('InvalidStateError: still connecting');
      stream.asks(JSON.parse(text));
    };
    self.close = () => stream.close();
  }
  Ws.CLOSED = draft ? 2 : 3;
  return Ws;
}

function fakeEventSource(page, cors) {
  function Source(url) {
    const self = this;
    const listeners = {};
    const query = new URL(url, page.href).searchParams;
    const stream = new Stream(page, 'eventsource', url, (type, event) => {
      if (stream.closed) return;
      if (self[`on${type}`]) self[`on${type}`](event);
      (listeners[type] || []).forEach((fn) => fn(event));
    });
    stream.asks({ channels: JSON.parse(query.get('channels')), cursor: query.get('cursor') });
    self.addEventListener = (type, fn) => { (listeners[type] = listeners[type] || []).push(fn); };
    self.close = () => stream.close();
  }
  if (cors) Source.prototype.withCredentials = false;
  return Source;
}

module.exports = { fakeWebSocket, fakeEventSource };
