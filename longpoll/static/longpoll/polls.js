// Transports that ask and are answered. Each sends `poll`, calls answer(status, reply, retryAfter) once and later, and
// sets poll.abort.

var ADDRESS_MAX = 1900;      // characters of a JSONP address before its last parameters (< 100): IE takes 2,083

// POST, as IE caches GET; text/plain, as anything else costs a CORS preflight.
function body(poll) {
  return poll.text || '{"channels":[' + poll.names.join(',') + '],"cursor":' +
    (poll.cursor === null ? 'null' : quote(poll.cursor)) + ',"wait":' + poll.wait + '}';
}

function address(where, names, cursor) {
  return where + '?channels=' + encodeURIComponent('[' + names.join(',') + ']') +
    (cursor === null ? '' : '&cursor=' + encodeURIComponent(cursor));
}

var scripts = 0, prefix = '_longpoll_' + Math.random().toString(36).slice(2) + '_';

var SEND = {
  xhr: function (url, poll, answer) {
    var xhr = root.XMLHttpRequest ? new root.XMLHttpRequest() : new root.ActiveXObject('Microsoft.XMLHTTP');
    poll.abort = function () {
      xhr.onreadystatechange = nothing;       // IE reports an abort as an answer, and throws at null
      xhr.abort();
    };
    xhr.open('POST', url + (poll.path || '/poll'), true);
    xhr.setRequestHeader('Content-Type', 'text/plain');
    xhr.onreadystatechange = function () {
      if (xhr.readyState !== 4) { return; }
      xhr.onreadystatechange = nothing;       // breaks the circle that IE leaks
      var status = 0, text = '', retryAfter = null;
      try {
        status = xhr.status === 1223 ? 204 : xhr.status > 999 ? 0 : xhr.status;  // IE: 204, and 120xx: no network
        text = xhr.responseText;
        if (status === 429 || status === 503) { retryAfter = xhr.getResponseHeader('Retry-After'); }
      } catch (aborted) { status = 0; }
      answer(status, text, retryAfter);
    };
    xhr.send(body(poll));
  },

  // IE 8 and 9 abort at random unless all four handlers stand, and send() comes from another call than open().
  xdr: function (url, poll, answer) {
    var xdr = poll.xdr = new root.XDomainRequest();  // held from here: in flight, IE holds no reference itself
    function lost() { answer(0); }
    poll.abort = function () {
      poll.abort = nothing;
      xdr.abort();
    };
    xdr.open('POST', url + (poll.path || '/poll'));
    xdr.onload = function () { answer(200, xdr.responseText); };
    xdr.onerror = lost;
    xdr.ontimeout = lost;
    xdr.onprogress = nothing;
    xdr.timeout = (poll.wait + GRACE) * 1000;
    setTimeout(function () {
      if (poll.abort !== nothing) { xdr.send(body(poll)); }
    }, 0);
  },

  // The callback stays behind when its script is given up: the script may still come, and must find a function.
  jsonp: function (url, poll, answer) {
    var doc = root.document, script = doc.createElement('script'), name = prefix + (scripts += 1);
    function clean() {
      script.onload = script.onerror = script.onreadystatechange = nothing;
      if (script.parentNode) { script.parentNode.removeChild(script); }
    }
    function missing() {
      clean();
      answer(0);
    }
    poll.abort = clean;
    root[name] = function (reply) {
      clean();
      try { delete root[name]; } catch (ie8) { root[name] = undefined; }
      answer(statusOf(reply), reply);
    };
    script.onload = script.onerror = missing;
    if (!doc.addEventListener) {              // IE 8 has neither, and says "loaded" at times before the script ran
      script.onreadystatechange = function () {
        if (/loaded|complete/.test(script.readyState)) { setTimeout(missing, GAP); }
      };
    }
    script.charset = 'utf-8';
    script.src = address(url + '/poll', poll.names, poll.cursor) + '&wait=' + poll.wait + '&callback=' + name +
      '&_=' + now();
    var head = doc.getElementsByTagName('head')[0] || doc.documentElement;
    head.insertBefore(script, head.firstChild);
  }
};

// Scripts and streams show no status. An error that names channels, or calls something bad, is a refusal; any other
// may pass.
function statusOf(reply) {
  var error = reply && reply.error;
  if (!error) { return 200; }
  if (error.status) { return error.status; }
  return (error.channels && error.channels.length) || /^(bad|invalid|expired|forbidden)/.test(error.code) ? 403 : 503;
}
