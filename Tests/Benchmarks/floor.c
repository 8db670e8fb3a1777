// The floor: a router that does only what none can leave out. It reads, finds the procedure or the
// topic, writes the message on, and trusts everybody: no limits, no checks, one rule (roundrobin).
// What it takes is the kernel's and the wire's price; scripts/bench shows ours as a multiple of it.
//
// RawSocket on 127.0.0.1, MessagePack or JSON, one thread, one epoll. It never decodes payloads:
// from the arguments to the end a message goes on as it came. JSON must have no spaces outside of
// strings, as what generators of load write has none.
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HELLO = 1, WELCOME, GOODBYE = 6, ERROR = 8, PUBLISH = 16, PUBLISHED, SUBSCRIBE = 32,
    SUBSCRIBED, EVENT = 36, CALL = 48, RESULT = 50, REGISTER = 64, REGISTERED, INVOCATION = 68,
    YIELD = 70 };

// Bytes from `start` to `end` wait in `data`.
struct buffer { uint8_t *data; size_t start, end, room; };

// Who gets the answer to an invocation. A session that is gone has another generation.
struct flight { struct session *caller; uint64_t request; uint32_t generation; };

struct session {
    int fd;
    uint32_t generation;
    bool greeted, json, full, marked, gone;
    struct buffer input, output;
    // Invocations by the low bits of their ids; a place is free where there is no caller.
    struct flight *flights;
    uint64_t invocations;
    uint32_t mask;
    struct session *nextMarked, *nextGone;
};

// A procedure or a topic with those who registered or subscribed it.
struct entry {
    char *uri;
    size_t length;
    uint64_t hash, id;
    struct session **members;
    uint32_t count, room, turn;
};

struct table { struct entry *entries; size_t count, room; };

static struct table procedures, topics;
// Sessions with output; those that ended, in this turn and before it.
static struct session *marked, *ended, *spare;
static uint64_t lastID;
static int poller;

static void *enlarged(void *memory, size_t bytes) {
    memory = realloc(memory, bytes);
    if (!memory) abort();
    return memory;
}

static uint8_t *reserve(struct buffer *b, size_t bytes) {
    if (b->room - b->end < bytes && b->start > 0) {
        memmove(b->data, b->data + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    if (b->room - b->end < bytes) {
        while (b->room - b->end < bytes) b->room = b->room ? b->room * 2 : 256;
        b->data = enlarged(b->data, b->room);
    }
    return b->data + b->end;
}

// MARK: Tables

// FNV-1a, a multiplication for eight bytes.
static uint64_t hash(const uint8_t *uri, size_t length) {
    uint64_t hash = 0xcbf29ce484222325, word;
    for (; length >= 8; uri += 8, length -= 8) {
        memcpy(&word, uri, 8);
        hash = (hash ^ word) * 0x100000001b3;
        hash ^= hash >> 32;
    }
    while (length--) hash = (hash ^ *uri++) * 0x100000001b3;
    return hash ^ hash >> 29;
}

static struct entry *place(struct table *t, uint64_t hash, const uint8_t *uri, size_t length) {
    for (size_t i = hash & (t->room - 1);; i = (i + 1) & (t->room - 1)) {
        struct entry *e = &t->entries[i];
        if (!e->uri || (e->hash == hash && e->length == length && !memcmp(e->uri, uri, length)))
            return e;
    }
}

static struct entry *find(struct table *t, const uint8_t *uri, size_t length) {
    if (!t->room) return NULL;
    struct entry *e = place(t, hash(uri, length), uri, length);
    return e->uri ? e : NULL;
}

static struct entry *enter(struct table *t, const uint8_t *uri, size_t length) {
    if (t->count * 2 >= t->room) {
        struct table old = *t;
        t->room = old.room ? old.room * 2 : 64;
        t->entries = calloc(t->room, sizeof *t->entries);
        if (!t->entries) abort();
        for (size_t i = 0; i < old.room; i++) {
            struct entry *e = &old.entries[i];
            if (e->uri) *place(t, e->hash, (uint8_t *)e->uri, e->length) = *e;
        }
        free(old.entries);
    }
    uint64_t h = hash(uri, length);
    struct entry *e = place(t, h, uri, length);
    if (!e->uri) {
        *e = (struct entry){.uri = enlarged(NULL, length + 1), .length = length, .hash = h,
            .id = ++lastID};
        memcpy(e->uri, uri, length);
        t->count++;
    }
    return e;
}

static void join(struct entry *e, struct session *s) {
    if (e->count == e->room) {
        e->room = e->room ? e->room * 2 : 1;
        e->members = enlarged(e->members, e->room * sizeof *e->members);
    }
    e->members[e->count++] = s;
}

static void leave(struct table *t, struct session *s) {
    for (struct entry *e = t->entries; e < t->entries + t->room; e++)
        for (uint32_t i = 0; i < e->count; i++)
            if (e->members[i] == s) {
                e->count--;
                memmove(e->members + i, e->members + i + 1, (e->count - i) * sizeof *e->members);
                break;
            }
}

// MARK: Reading: where items end

static uint64_t big(const uint8_t *at, int bytes) {
    uint64_t value = 0;
    while (bytes--) value = value << 8 | *at++;
    return value;
}

// Behind the MessagePack item at `at`; NULL where it passes `end`.
static const uint8_t *behindItem(const uint8_t *at, const uint8_t *end) {
    for (uint64_t open = 1; open > 0; open--) {
        if (at >= end) return NULL;
        uint8_t head = *at++;
        int width = 1 << (head & 3);
        if (head < 0x80 || head >= 0xe0) continue;
        if (head < 0x90) open += 2 * (head & 15);
        else if (head < 0xa0) open += head & 15;
        else if (head < 0xc0) at += head & 31;
        else if (head < 0xc4) continue;                                     // nil, false, true
        else if (head < 0xc7) { width = 1 << (head - 0xc4); at += width + big(at, width); }
        else if (head < 0xca) { width = 1 << (head - 0xc7); at += width + big(at, width) + 1; }
        else if (head < 0xcc) at += head == 0xca ? 4 : 8;                   // floats
        else if (head < 0xd4) at += width;                                  // integers
        else if (head < 0xd9) at += 1 + (1 << (head - 0xd4));               // fixed extensions
        else if (head < 0xdc) { width = 1 << (head - 0xd9); at += width + big(at, width); }
        else if (head < 0xde) { width = head == 0xdc ? 2 : 4; open += big(at, width); at += width; }
        else { width = head == 0xde ? 2 : 4; open += 2 * big(at, width); at += width; }
    }
    return at <= end ? at : NULL;
}

static const uint8_t *behindString(const uint8_t *at, const uint8_t *end) {
    for (at++; at < end && *at != '"'; at++) if (*at == '\\') at++;
    return at + 1;
}

static const uint8_t *behindValue(const uint8_t *at, const uint8_t *end) {
    for (int depth = 0; at < end;) {
        if (*at == '"') at = behindString(at, end);
        else if (*at == '{' || *at == '[') depth++, at++;
        else if (*at == '}' || *at == ']') depth--, at++;
        else at++;
        if (depth == 0 && (at >= end || *at == ',' || *at == ']')) return at;
    }
    return NULL;
}

// The parts of a message in turn. In JSON a comma or bracket stands in front of each.
struct reader { const uint8_t *at, *end; bool json; };

static uint64_t number(struct reader *r) {
    uint64_t value = 0;
    if (r->json) {
        for (r->at++; r->at < r->end && (uint8_t)(*r->at - '0') < 10; r->at++)
            value = value * 10 + (*r->at - '0');
        return value;
    }
    uint8_t head = *r->at++;
    if (head < 0x80) return head;
    int width = 1 << (head & 3);
    value = big(r->at, width);
    r->at += width;
    return value;
}

static const uint8_t *text(struct reader *r, size_t *length) {
    if (r->json) {
        const uint8_t *first = r->at + 2;
        r->at = behindString(r->at + 1, r->end);
        *length = r->at - 1 - first;
        return first;
    }
    uint8_t head = *r->at++;
    int width = head < 0xc0 ? 0 : 1 << (head - 0xd9);
    *length = width ? big(r->at, width) : head & 31u;
    r->at += width + *length;
    return r->at - *length;
}

static bool skip(struct reader *r) {
    r->at = r->json ? behindValue(r->at + 1, r->end) : behindItem(r->at, r->end);
    return r->at != NULL;
}

// MARK: Writing

static void mark(struct session *s) {
    if (s->marked || s->gone) return;
    s->marked = true;
    s->nextMarked = marked;
    marked = s;
}

static uint8_t *putNumber(uint8_t *at, uint64_t value, bool json) {
    if (json) {
        uint8_t digits[20], *first = digits + 20;
        do *--first = '0' + value % 10; while (value /= 10);
        return mempcpy(at, first, digits + 20 - first);
    }
    if (value < 0x80) { *at++ = value; return at; }
    int step = value < 1 << 8 ? 0 : value < 1 << 16 ? 1 : value < 1ull << 32 ? 2 : 3;
    *at++ = 0xcc + step;
    for (int byte = (1 << step) - 1; byte >= 0; byte--) *at++ = value >> 8 * byte;
    return at;
}

// Writes [type, first, second?, {}?, rest]. The rest is what a message had behind its URI, or what
// is given in both languages; `parts` counts all, as MessagePack needs it.
static void put(struct session *s, int type, int parts, uint64_t first, const uint64_t *second,
    bool options, const uint8_t *rest, size_t length) {
    uint8_t *frame = reserve(&s->output, length + 64), *at = frame + 4;
    if (s->json) *at++ = '[';
    else *at++ = 0x90 | parts;
    at = putNumber(at, type, s->json);
    if (s->json) *at++ = ',';
    at = putNumber(at, first, s->json);
    if (second) {
        if (s->json) *at++ = ',';
        at = putNumber(at, *second, s->json);
    }
    if (options && s->json) { memcpy(at, ",{}", 3); at += 3; }
    else if (options) *at++ = 0x80;
    memcpy(at, rest, length);
    at += length;
    size_t size = at - frame - 4;
    memcpy(frame, (uint8_t[]){0, size >> 16, size >> 8, size}, 4);
    s->output.end += size + 4;
    mark(s);
}

// A message whose end is one of ours.
static void reply(struct session *s, int type, int parts, uint64_t first, const uint64_t *second,
    bool options, const char *json, const char *packed) {
    const char *rest = s->json ? json : packed;
    put(s, type, parts, first, second, options, (const uint8_t *)rest, strlen(rest));
}

#define UNKNOWN "wamp.error.no_such_procedure"
#define GONE "wamp.error.canceled"
#define BYE "wamp.close.goodbye_and_out"

// MARK: Routing

static void call(struct session *caller, uint64_t request, struct entry *procedure, int parts,
    struct reader rest) {
    if (!procedure || !procedure->count)
        return reply(caller, ERROR, 5, CALL, &request, true, ",\"" UNKNOWN "\"]", "\xbc" UNKNOWN);
    if (procedure->turn >= procedure->count) procedure->turn = 0;
    struct session *callee = procedure->members[procedure->turn++];
    uint64_t id = ++callee->invocations;
    while (callee->flights[id & callee->mask].caller) {
        // The place is taken: twice as many, each where its id now belongs.
        uint32_t old = callee->mask, wide = old * 2 + 1;
        struct flight *flights = calloc(wide + 1ul, sizeof *flights);
        if (!flights) abort();
        for (uint64_t i = id > old + 1 ? id - old - 1 : 1; i < id; i++)
            flights[i & wide] = callee->flights[i & old];
        free(callee->flights);
        callee->flights = flights;
        callee->mask = wide;
    }
    callee->flights[id & callee->mask] = (struct flight){caller, request, caller->generation};
    put(callee, INVOCATION, parts, id, &procedure->id, true, rest.at, rest.end - rest.at);
}

static void yield(struct session *callee, uint64_t invocation, int parts, struct reader rest) {
    if (!callee->flights) return;
    struct flight *flight = &callee->flights[invocation & callee->mask];
    struct session *caller = flight->caller;
    flight->caller = NULL;
    if (!caller || caller->gone || caller->generation != flight->generation) return;
    put(caller, RESULT, parts, flight->request, NULL, true, rest.at, rest.end - rest.at);
}

// The event is written once and copied: all peers of one run speak the same language.
static void publish(struct session *publisher, struct entry *topic, uint64_t publication, int parts,
    struct reader rest) {
    static struct session draft = {.marked = true};
    if (!topic) return;
    draft.json = publisher->json;
    draft.output.end = 0;
    put(&draft, EVENT, parts, topic->id, &publication, true, rest.at, rest.end - rest.at);
    for (uint32_t i = 0; i < topic->count; i++) {
        struct session *subscriber = topic->members[i];
        if (subscriber == publisher || subscriber->json != draft.json) continue;
        memcpy(reserve(&subscriber->output, draft.output.end), draft.output.data, draft.output.end);
        subscriber->output.end += draft.output.end;
        mark(subscriber);
    }
}

static void receive(struct session *s, const uint8_t *message, size_t length) {
    struct reader r = {message, message + length, s->json};
    int parts = s->json ? 0 : *r.at++ & 15;
    uint64_t type = number(&r), request = 0, id;
    if (type == HELLO)
        return reply(s, WELCOME, 3, ++lastID, NULL, false,
            ",{\"roles\":{\"broker\":{},\"dealer\":{}}}]",
            "\x81\xa5roles\x82\xa6" "broker\x80\xa6" "dealer\x80");
    if (type == GOODBYE) {
        // Its options stand where others have a request; both are one item.
        static const uint8_t bye[] = "\x93\x06\x80\xba" BYE, json[] = "[6,{},\"" BYE "\"]";
        size_t size = (s->json ? sizeof json : sizeof bye) - 1;
        uint8_t *frame = reserve(&s->output, size + 4);
        memcpy(frame, (uint8_t[]){0, 0, 0, size}, 4);
        memcpy(frame + 4, s->json ? json : bye, size);
        s->output.end += size + 4;
        return mark(s);
    }
    request = number(&r);
    const uint8_t *options = r.at;
    if (!skip(&r)) return;
    if (type == YIELD) return yield(s, request, parts, r);
    size_t optionsLength = r.at - options, uriLength;
    if (type != CALL && type != PUBLISH && type != REGISTER && type != SUBSCRIBE) return;
    const uint8_t *uri = text(&r, &uriLength);
    switch (type) {
    case CALL:
        return call(s, request, find(&procedures, uri, uriLength), parts, r);
    case PUBLISH:
        id = ++lastID;
        publish(s, find(&topics, uri, uriLength), id, parts, r);
        if (memmem(options, optionsLength, "acknowledge", 11))
            reply(s, PUBLISHED, 3, request, &id, false, "]", "");
        return;
    default:
        if (type == REGISTER && !s->flights) {
            s->mask = 63;
            s->flights = calloc(64, sizeof *s->flights);
            if (!s->flights) abort();
        }
        struct entry *e = enter(type == REGISTER ? &procedures : &topics, uri, uriLength);
        join(e, s);
        reply(s, type + 1, 3, request, &e->id, false, "]", "");
    }
}

// MARK: Sockets

static void drop(struct session *s) {
    if (s->gone) return;
    close(s->fd);
    s->gone = true;
    s->generation++;
    s->nextGone = ended;
    ended = s;
    if (s->flights) leave(&procedures, s);
    leave(&topics, s);
    for (uint32_t i = 0; s->flights && i <= s->mask; i++) {
        struct flight *f = &s->flights[i];
        if (f->caller && !f->caller->gone && f->caller->generation == f->generation)
            reply(f->caller, ERROR, 5, CALL, &f->request, true, ",\"" GONE "\"]", "\xb3" GONE);
    }
    free(s->flights);
    free(s->input.data);
    free(s->output.data);
    s->flights = NULL;
    s->input = s->output = (struct buffer){0};
}

// Takes whole frames from the front; how many bytes those were.
static size_t consume(struct session *s, const uint8_t *data, size_t length) {
    size_t used = 0;
    while (length - used >= 4) {
        const uint8_t *head = data + used;
        if (!s->greeted) {
            int serializer = head[1] & 15;
            if (head[0] != 0x7f || serializer < 1 || serializer > 2) { drop(s); break; }
            s->greeted = true;
            s->json = serializer == 1;
            memcpy(reserve(&s->output, 4), (uint8_t[]){0x7f, 0xf0 | serializer, 0, 0}, 4);
            s->output.end += 4;
            mark(s);
            used += 4;
            continue;
        }
        size_t size = big(head + 1, 3);
        if (length - used - 4 < size) break;
        used += 4 + size;
        if ((head[0] & 7) == 0) receive(s, head + 4, size);
    }
    return used;
}

static void readFrom(struct session *s) {
    static uint8_t shared[1 << 20];
    bool alone = s->input.end == 0;
    uint8_t *into = alone ? shared : reserve(&s->input, 1 << 18);
    size_t room = alone ? sizeof shared : s->input.room - s->input.end;
    ssize_t got = recv(s->fd, into, room, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return drop(s);
    size_t all = got + (alone ? 0 : s->input.end);
    const uint8_t *data = alone ? shared : s->input.data;
    size_t used = consume(s, data, all);
    if (s->gone) return;
    if (alone && used < all) reserve(&s->input, all - used);
    if (used < all) memmove(s->input.data, data + used, all - used);
    s->input.end = all - used;
}

static void watch(struct session *s, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = s};
    epoll_ctl(poller, operation, s->fd, &event);
}

// Each session's output in one write, after all that was ready has been read.
static void flushMarked(void) {
    while (marked) {
        struct session *s = marked;
        marked = s->nextMarked;
        s->marked = false;
        struct buffer *b = &s->output;
        while (!s->gone && !s->full && b->start < b->end) {
            ssize_t sent = write(s->fd, b->data + b->start, b->end - b->start);
            if (sent >= 0) b->start += sent;
            else if (errno != EAGAIN) drop(s);
            else { s->full = true; watch(s, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT); }
        }
        if (b->start == b->end) b->start = b->end = 0;
    }
}

static void welcome(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct session *s = spare;
        if (s) spare = s->nextGone;
        else if (!(s = calloc(1, sizeof *s))) abort();
        *s = (struct session){.fd = fd, .generation = s->generation};
        watch(s, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int count, char **arguments) {
    int port = count == 2 ? atoi(arguments[1]) : 0, on = 1;
    if (port < 1 || port > 65535) {
        fprintf(stderr, "usage: floor PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("floor");
        return 1;
    }
    poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN}, events[512];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poller, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            struct session *s = events[i].data.ptr;
            if (!s) { welcome(listener); continue; }
            if (s->full && events[i].events & ~EPOLLIN) {
                s->full = false;
                watch(s, EPOLL_CTL_MOD, EPOLLIN);
                mark(s);
            }
            if (events[i].events & ~EPOLLOUT) readFrom(s);
        }
        flushMarked();
        // Those that ended may be used again, but not in the turn that still names them.
        while (ended) {
            struct session *s = ended;
            ended = s->nextGone;
            s->nextGone = spare;
            spare = s;
        }
    }
}
