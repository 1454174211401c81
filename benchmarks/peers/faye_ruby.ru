require "faye"

EventMachine.epoll
Faye::WebSocket.load_adapter("thin")
use Faye::RackAdapter, mount: "/faye", timeout: 45
run ->(_env) { [404, {}, []] }
