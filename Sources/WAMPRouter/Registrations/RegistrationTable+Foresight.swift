// A call to one of very many procedures waits for memory that is in no cache: the bucket of its
// URI, then the registration, then the URI itself and the callee's figures. The calls of one read
// wait together: each step is taken for all of them before the next.

import BasicContainers
import CMemory
import WAMP

/// The slots that calls which are about to be handled will probably look for, in their order.
struct Foresight: ~Copyable {
    /// While they are being looked for, the hashes of the URIs.
    private var slots = UniqueArray<UInt32>()
    private var next = 0

    /// In calls.
    static let capacity = 32

    var count: Int { slots.count }

    subscript(index: Int) -> UInt32 {
        get { slots[index] }
        set { slots[index] = newValue }
    }

    mutating func clear() {
        slots.removeAll(keepingCapacity: true)
        next = 0
    }

    mutating func append(_ slot: UInt32) { slots.append(slot) }

    /// The slot for the next call; a guess, since calls may have been dropped in between.
    @inline(__always)
    mutating func pop() -> UInt32? {
        guard next < slots.count else { return nil }
        next += 1
        return slots[next - 1]
    }
}

extension RegistrationTable {
    /// Whether there are so many registrations that the cache of a core does not hold them.
    var isLarge: Bool { count > 4096 }

    /// Has the processor fetch what finding and choosing will look at for the calls among the
    /// messages of `batch` from `first` on.
    /// - Returns: the first message that it did not look at.
    mutating func foresee(_ batch: MessageBatch, from first: Int) -> Int {
        let end = min(batch.count, first + Foresight.capacity)
        foresight.clear()
        for index in first..<end {
            guard let uri = batch.procedure(ofPlainCallAt: index) else { continue }
            foresight.append(byURI.prefetch(uri))
        }
        for index in 0..<foresight.count {
            let slot = byURI.first(hashed: foresight[index]) ?? 0
            foresight[index] = slot
            slots.prefetch(Int(slot))
        }
        for index in 0..<foresight.count {
            let slot = Int(foresight[index])
            cmemory_prefetch(slots[slot].uri.bytes.baseAddress)
            figures.prefetch(Int(slots[slot].firstPlace))
        }
        return end
    }
}

extension UniqueArray where Element: ~Copyable {
    /// Has the processor fetch an element.
    @inline(__always)
    func prefetch(_ index: Int) {
        span.withUnsafeBufferPointer { elements in
            guard let base = elements.baseAddress else { return }
            let element = UnsafeRawPointer(base + index)
            cmemory_prefetch(element)
            if MemoryLayout<Element>.size > 16 {
                cmemory_prefetch(element + MemoryLayout<Element>.size - 1)
            }
        }
    }
}
