// swift-tools-version:6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// Dependencies that several targets share.
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let containers = Target.Dependency.product(
    name: "BasicContainers", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "wampctl",
    products: [
        .executable(name: "wampctl", targets: ["wampctl"]),
        .library(
            name: "WAMPKit",
            targets: ["WAMP", "WAMPRouter", "WAMPTransport", "WAMPServer", "WAMPClient"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(name: "CScan"),
        .target(name: "CArguments"),
        .systemLibrary(name: "CMemory"),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .target(
            name: "WAMP",
            dependencies: ["CScan", "CArgon2", nioCore, containers, crypto, cryptoExtras],
            swiftSettings: settings),
        .target(
            name: "WAMPRouter", dependencies: ["CMemory", "WAMP", containers, deque],
            swiftSettings: settings),
        .target(
            name: "WAMPTransport",
            dependencies: ["WAMP", "CScan", "CZlib", nioCore, nioSSL, crypto],
            swiftSettings: settings),
        .target(
            name: "WAMPServer",
            dependencies: [
                "CMemory", "WAMP", "WAMPRouter", "WAMPTransport", nioCore, nioPosix, containers,
                logging,
            ],
            swiftSettings: settings),
        .target(
            name: "WAMPClient",
            dependencies: ["WAMP", "WAMPTransport", nioCore, nioPosix],
            swiftSettings: settings),
        .target(
            name: "WAMPLoad",
            dependencies: ["WAMP", "WAMPTransport", "WAMPClient", nioCore],
            swiftSettings: settings),
        .executableTarget(
            name: "wampctl",
            dependencies: [
                "CArguments", "WAMP", "WAMPRouter", "WAMPServer", "WAMPClient", "WAMPLoad",
                "WAMPTransport", nioCore, nioPosix, logging,
                .product(name: "Yams", package: "Yams"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: settings),
        .testTarget(name: "WAMPTests", dependencies: ["WAMP", nioCore], swiftSettings: settings),
        .testTarget(
            name: "ConformanceTests", dependencies: ["WAMP", nioCore], swiftSettings: settings),
        .testTarget(
            name: "WAMPRouterTests",
            dependencies: ["WAMPSimulator", "WAMPRouter", "WAMP", containers, nioCore],
            swiftSettings: settings),
        .target(
            name: "WAMPSimulator", dependencies: ["WAMPRouter", "WAMP", nioCore],
            path: "Tests/WAMPSimulator", swiftSettings: settings),
        .executableTarget(
            name: "simulate", dependencies: ["WAMPSimulator"], path: "Tests/Simulate",
            swiftSettings: settings),
        .testTarget(
            name: "SimulationTests", dependencies: ["WAMPSimulator"], swiftSettings: settings),
        .target(name: "BareSockets", path: "Tests/BareSockets", swiftSettings: settings),
        .target(
            name: "PayloadTrials", dependencies: ["BareSockets", "WAMP"],
            path: "Tests/PayloadTrials", swiftSettings: settings),
        .executableTarget(
            name: "payloads",
            dependencies: ["PayloadTrials", "WAMPServer", "WAMPTransport", logging],
            path: "Tests/Payloads", swiftSettings: settings),
        .testTarget(
            name: "WAMPTransportTests",
            dependencies: [
                "WAMPTransport", "WAMP", nioCore,
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "WAMPClientTests",
            dependencies: [
                "WAMPClient", "WAMPLoad", "WAMPServer", "WAMPTransport", "WAMP", nioCore, nioPosix,
                logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "WAMPServerTests",
            dependencies: [
                "BareSockets", "PayloadTrials", "WAMPServer", "WAMPRouter", "WAMPClient",
                "WAMPTransport", "WAMP", nioCore, nioPosix, logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "BareSockets", "wampctl", "WAMPRouter", "WAMPServer", "WAMPClient", "WAMPLoad",
                "WAMPTransport", "WAMP", nioCore, nioPosix, logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "InteropTests",
            dependencies: [
                "BareSockets", "wampctl", .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            exclude: ["peers"], swiftSettings: settings),
    ]
)
