// The URI of a registration or subscription, in memory of its own: looking at it counts no
// references.

import WAMP

struct StoredURI: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer

    init(_ uri: URI) {
        memory = .allocate(byteCount: uri.count, alignment: 1)
        uri.withBytes { memory.copyMemory(from: $0) }
    }

    /// Of no length, for a vacant slot.
    init() { memory = .allocate(byteCount: 0, alignment: 1) }

    deinit { memory.deallocate() }

    /// There as long as this value.
    @inline(__always)
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    var string: String { String(decoding: bytes, as: UTF8.self) }
}
