import Logging
import WAMPServer
import WAMPTransport

var logger = Logger(label: "wampctl")
var configuration = Configuration(listeners: [try Endpoint("ws://127.0.0.1:\(CommandLine.arguments[1])/ws")])
configuration.threads = Int(CommandLine.arguments[2])
logger.logLevel = .warning
let server = RouterServer(configuration: configuration, logger: logger)
print(try await server.start())
try await Task.sleep(for: .seconds(100000))
