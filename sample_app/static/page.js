/*
 * What the scripts of all pages need of a browser, in words that IE 8 understands.
 *
 *   page.listen(element, 'click', fn)      fn(event)
 *   page.halt(event)                       what the browser would do by itself, it does not
 *   page.part(root, 'count')               the element that is marked data-part="count"
 *   page.write(element, text)              text, never HTML
 *   page.form({name: 'Ada'})               fields as a form sends them
 *   page.ask(method, address, body, done, failed, type)   done(text), failed(status, text); status 0: no answer
 *   page.now()                             ms since 1970 by the server's clock
 *   page.mark                              which of the marks in messages is this visitor's
 */
var page = (function () {
  var body = document.body;
  var clockError = new Date().getTime() - Number(body.getAttribute('data-now'));

  function listen(element, event, fn) {
    if (element.addEventListener) {
      element.addEventListener(event, fn, false);
    } else {
      element.attachEvent('on' + event, function () { fn(window.event); });
    }
  }

  function halt(event) {
    if (event.preventDefault) { event.preventDefault(); } else { event.returnValue = false; }
  }

  function part(root, name) { return root.querySelector('[data-part="' + name + '"]'); }

  function write(element, text) {
    var property = 'textContent' in element ? 'textContent' : 'innerText';
    if (element[property] !== text) { element[property] = text; }
  }

  function form(fields) {
    var pairs = [];
    for (var name in fields) {
      if (Object.prototype.hasOwnProperty.call(fields, name)) {
        pairs.push(encodeURIComponent(name) + '=' + encodeURIComponent(fields[name]));
      }
    }
    return pairs.join('&');
  }

  function ask(method, address, content, done, failed, type) {
    var request = new XMLHttpRequest();
    request.open(method, address, true);
    if (method === 'POST') { request.setRequestHeader('Content-Type', type || 'application/x-www-form-urlencoded'); }
    request.onreadystatechange = function () {
      if (request.readyState !== 4) { return; }
      if (request.status === 200) { done(request.responseText); } else { failed(request.status, request.responseText); }
    };
    request.send(content);
  }

  return {
    listen: listen, halt: halt, part: part, write: write, form: form, ask: ask,
    now: function () { return new Date().getTime() - clockError; },
    mark: body.getAttribute('data-mark')
  };
}());
