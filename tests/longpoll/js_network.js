/*
 * The network of js_page.js: XMLHttpRequest, XDomainRequest and script tags with the habits of IE 6 to 9. Whatever a
 * page sends becomes a Request in `page.requests` and waits there until the test answers it.
 */
'use strict';

// One request as the test sees it. `finish` is the way its transport hands back an answer.
class Request {
  constructor(page, transport, url, body, finish) {
    Object.assign(this, { page, transport, url, finish, over: false, aborted: false, time: page.clock.time });
    const query = new URL(url, page.href).searchParams;
    const asked = body === null
      ? { channels: JSON.parse(query.get('channels')), cursor: query.get('cursor'), wait: Number(query.get('wait')) }
      : JSON.parse(body);
    Object.assign(this, asked, { raw: body });
    page.requests.push(this);
    if (page.serve) page.serve(this);
  }

  status(status, text, headers) {
    this.over = true;
    this.finish({ status, text: text || '', headers: headers || {} });
  }

  reply(messages, cursor, more) {
    this.status(200, JSON.stringify({ messages, cursor, reset: false, ...more }));
  }

  refuse(status, code, channels) {
    this.status(status, JSON.stringify({ error: { code, message: `${code}.`, channels } }));
  }

  fail() {
    this.over = true;
    this.finish({ status: 0, text: '', headers: {} });
  }
}

function fakeXhr(page, options) {
  function Xhr() {
    const state = { url: null, headers: {}, answer: null, request: null, handler: null };
    const self = this;
    self.readyState = 0;
    if (options.xhr === 'cors') self.withCredentials = false;
    Object.defineProperty(self, 'onreadystatechange', {
      get: () => state.handler,
      set: (handler) => {
        if (typeof handler !== 'function') throw new TypeError('IE: Type mismatch');
        state.handler = handler;
      },
    });
    const read = (name) => ({ get: () => {
      if (!state.answer || state.answer.broken) throw new Error('IE: not available');
      return state.answer[name];
    } });
    Object.defineProperties(self, { status: read('status'), responseText: read('text') });
    const end = (answer) => {
      for (self.readyState = 2; self.readyState <= 4; self.readyState += 1) {
        if (self.readyState === 4) state.answer = answer;
        if (state.handler) state.handler();
      }
      self.readyState = 4;
    };
    self.open = (method, url, async) => {
      if (method !== 'POST' || async !== true) throw new Error('not a POST in the background');
      Object.assign(state, { url });
      self.readyState = 1;
    };
    self.setRequestHeader = (name, value) => {
      if (self.readyState !== 1) throw new Error('header before open()');
      state.headers[name] = value;
    };
    self.getResponseHeader = (name) => state.answer.headers[name] || null;
    self.send = (body) => {
      if (options.refuseSend) throw new Error('Access is denied.');
      state.request = new Request(page, 'xhr', state.url, body, end);
      state.request.type = state.headers['Content-Type'];
    };
    self.abort = () => {
      if (state.request && !state.request.over) {
        state.request.over = state.request.aborted = true;
        end({ broken: true });                        // IE tells an abort like an answer
      }
    };
  }
  return Xhr;
}

const XDR_HANDLERS = ['onload', 'onerror', 'ontimeout', 'onprogress'];

// As in IE, the network itself does not keep the object alive.
function answerXdr(weak) {
  return (answer) => {
    const xdr = weak.deref();
    if (!xdr) return;
    if (answer.status === 200) {
      xdr.responseText = answer.text;
      xdr.onload();
    } else {
      xdr.onerror();                                  // says nothing of status or text
    }
  };
}

function fakeXdr(page) {
  return function Xdr() {
    const self = this;
    let opened = null;
    let request = null;
    self.open = (method, url) => { opened = { method, url, turn: page.clock.turn }; };
    self.send = (body) => {
      const missing = XDR_HANDLERS.filter((name) => typeof self[name] !== 'function');
      if (missing.length) throw new Error(`sent without ${missing}`);
      if (opened.method !== 'POST') throw new Error('not a POST');
      if (opened.turn === page.clock.turn) throw new Error('send() in the same turn as open()');
      request = new Request(page, 'xdr', opened.url, body, answerXdr(new WeakRef(self)));
      request.timeout = self.timeout;
    };
    self.abort = () => {
      if (!request) throw new Error('IE: abort before send');
      if (!request.over) request.over = request.aborted = true;
    };
    page.xdrs.push(new WeakRef(self));
  };
}

function fakeDocument(page, options) {
  const old = !options.events;
  const head = {
    firstChild: null,
    insertBefore(script) {
      script.parentNode = head;
      page.scripts.push(script);
      const callback = new URL(script.src, page.href).searchParams.get('callback');
      const request = new Request(page, 'jsonp', script.src, null, (answer) => {
        // A script runs even when its tag is gone, and one that is no JavaScript counts as loaded.
        try { if (answer.status) page.window[callback](page.inside(`(${answer.text})`)); } catch (error) {
          if (error.name !== 'SyntaxError') throw error;
        }
        const handler = script[old ? 'onreadystatechange' : answer.status ? 'onload' : 'onerror'];
        script.readyState = 'loaded';
        if (handler) handler();
      });
      Object.assign(request, { callback, script });
      request.type = script.charset;
    },
    removeChild(script) {
      script.parentNode = null;
      page.scripts = page.scripts.filter((other) => other !== script);
    },
  };
  const anchor = () => {
    let address = '';
    return { get href() { return address; }, set href(text) { address = new URL(text, page.href).href; } };
  };
  return {
    hidden: false,
    documentElement: head,
    getElementsByTagName: () => (old ? [] : [head]),
    createElement: (name) => (name === 'a' ? anchor() : {}),
  };
}

module.exports = { fakeXhr, fakeXdr, fakeDocument };
