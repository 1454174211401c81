import http from "node:http";
import faye from "faye";

const bayeux = new faye.NodeAdapter({ mount: "/faye", timeout: 45 });
const server = http.createServer();
server.keepAliveTimeout = 120_000; // a client that polls again is not to find its connection closed
bayeux.attach(server);
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 }, () => console.log("ready"));
