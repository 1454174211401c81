require "faye"

# 100,000 by itself, and Faye sets one or two for each poll and each message: it ends when there are no more.
EventMachine.set_max_timers(1_000_000)
EventMachine.epoll
Faye::WebSocket.load_adapter("thin")
use Faye::RackAdapter, mount: "/faye", timeout: 45
run ->(_env) { [404, {}, []] }
