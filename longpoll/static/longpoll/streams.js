// Transports that stay open. Each opens a stream for what `poll` asks, calls heard(text) with each reply, and lost()
// once, when it has ended; and sets poll.abort, and where what is asked may change meanwhile, poll.again.

var OPEN = {
  websocket: function (url, poll, heard, lost) {
    var socket = new root.WebSocket(absolute(url + '/socket').replace(/^http/i, 'ws'));
    function end() {
      socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
    }
    poll.abort = function () {
      end();
      socket.close();
    };
    socket.onopen = function () {
      poll.again = function (next) { socket.send(body(next)); };
      poll.again(poll);
    };
    socket.onmessage = function (event) { heard(event.data); };
    socket.onerror = socket.onclose = function () {
      end();
      lost();
    };
  },

  // Left to itself it would connect again, to the address of before and without asking anybody.
  eventsource: function (url, poll, heard, lost) {
    var source = new root.EventSource(address(url + '/events', poll.names, poll.cursor));
    function tell(event) { heard(event.data); }
    poll.abort = function () {
      source.onmessage = source.onerror = null;
      source.close();
    };
    source.onmessage = tell;
    source.addEventListener('refused', tell, false);
    source.onerror = function () {
      poll.abort();
      lost();
    };
  }
};
