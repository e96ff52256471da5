// loadgen: asks a nameserver at 127.0.0.1 over UDP, checks every reply, and accounts for every query.
//
//     loadgen closed|flood|cookies PORT SECONDS RUN QUERIES
//     loadgen paced PORT SECONDS RUN QUERIES RATE
//
// closed   So many queries are on their way at any time; a reply makes room for the next. The lines of QUERIES in turn.
// flood    Likewise, but no packet has ever been sent before by a run of another RUN: see compose_unseen.
// cookies  Likewise, from 5,000 clients, each with its cookie (RFC 7873): see compose_with_cookie.
// paced    RATE queries a second, each at its moment, whether or not others have been answered. Latency counts from that
//          moment, so a server that stalls is charged for all who had to wait.
//
// A line of QUERIES is NAME TYPE RCODE ADDRESSES SUBNET, all but the first three "-" where there is none:
//
//     api.example.com A NOERROR 192.0.2.1,198.51.100.1 -
//     geo.example.com A NOERROR 203.0.113.1 10.0.7.0/24
//
// All queries carry EDNS (RFC 6891). A reply is right if it is a response, not truncated, to the question exactly as it
// was asked, with EDNS and the RCODE; if every answer record is one of ADDRESSES, and there is one if there are any of
// those; if a client subnet comes back as it was sent, with a scope (RFC 7871); and if a cookie comes back with one of
// the server's. Every query ends as answered, wrong, or lost: without a reply for a second. Replies that nobody waits
// for are counted apart. Wrong ones are described on standard error, the first few of them; the account is a line of
// JSON on standard output.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
  HEADER = 12,
  MAX_QUERY = 192,        // octets of a packet that is sent
  MAX_REPLY = 1500,       // octets of one that is taken
  MAX_ADDRESSES = 4,      // in a line of QUERIES
  BATCH = 64,             // packets in one system call
  BUFFER = 8 << 20,       // octets the kernel may hold for a socket
  CLIENTS = 5000,         // in cookies
  CLIENT_COOKIE = 8,      // octets (RFC 7873, section 4)
  MAX_COOKIE = 40,        // likewise, with the server's
  SPARE_CASES = 11,       // letters in the shortest name that a flood asks for
  SPARE_SIZES = 1024,     // payload sizes in a flood
  PAYLOAD = 1232,         // the one that all others tell
  MAX_LATENCY = 2000000,  // microseconds
  TOLD = 5,               // wrong replies that are described
};
enum { TYPE_A = 1, TYPE_AAAA = 28, TYPE_OPT = 41, OPTION_ECS = 8, OPTION_COOKIE = 10 };
enum { RCODE_NXDOMAIN = 3, RCODE_BADCOOKIE = 23 };
#define SECOND 1000000000ull
#define LOST_AFTER SECOND
#define SWEEP (SECOND / 10)  // between two looks for what is lost

typedef struct {  // what is right
  int rcode, type, addresses, size;
  uint8_t address[MAX_ADDRESSES][16];
} Expected;

typedef struct {  // a line of QUERIES, as a packet with id 0
  uint8_t packet[MAX_QUERY];
  int length, question_end, subnet;  // where the data of that option is; 0: nowhere
  Expected expected;
} Query;

typedef struct {
  uint8_t cookie[MAX_COOKIE];
  int length;
} Client;

typedef struct {  // room for one query on its way
  bool waiting, known;  // known: the query has a cookie of the server's
  uint16_t generation;  // tells a reply to an earlier query in this room from one to this
  uint64_t due, sent;
  const Query *query;
  const Expected *expected;
  Client *client;
  uint8_t packet[MAX_QUERY];
  int length, question_end;
} Slot;

typedef struct {
  int fd;
  Slot *slots;
  int *vacant, vacancies;
  Client *clients;  // those that speak from here
  int next_client;
} Socket;

typedef struct {  // how a mode is arranged
  int sockets, slots, slot_bits;
  void (*compose)(Socket *, Slot *);
} Mode;

static void compose_in_turn(Socket *, Slot *), compose_unseen(Socket *, Slot *), compose_with_cookie(Socket *, Slot *);

// 160 on their way keep a server busy, and fit into a receive buffer of the size that Linux gives unless asked for more:
// 212,992 octets, of which each takes 768. The paced mode has room for what comes in 200 ms. 5,000 sockets would be a
// benchmark of sockets, so clients share an address by 125.
static const Mode CLOSED = {10, 16, 4, compose_in_turn}, FLOOD = {10, 16, 4, compose_unseen},
                  COOKIES = {40, 4, 2, compose_with_cookie}, PACED = {8, 512, 9, compose_in_turn};

static const Mode *mode;
static Query *queries;
static int query_count, next_query;
static Socket *sockets;
static uint64_t run, unseen;  // unseen: packets of a flood so far
static uint64_t sent, answered, wrong, lost, stray, last_reply;
static uint32_t latencies[MAX_LATENCY + 1], latenesses[MAX_LATENCY + 1];  // how many, by microseconds

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("loadgen: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (!memory) die("no memory");
  return memory;
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static uint64_t mix(uint64_t x) {  // a permutation of all 64-bit numbers (the last step of splitmix64)
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

static int get16(const uint8_t *at) { return at[0] << 8 | at[1]; }

static uint8_t *put16(uint8_t *at, int value) {
  at[0] = value >> 8;
  at[1] = value;
  return at + 2;
}

// ---- queries

static uint8_t *put_name(uint8_t *at, const char *name) {
  while (*name) {
    size_t length = strcspn(name, ".");
    if (!length || length > 63) die("%s is no name", name);
    *at++ = length;
    memcpy(at, name, length);
    at += length;
    name += length + (name[length] == '.');
  }
  *at++ = 0;
  return at;
}

// An OPT record (RFC 6891, section 6.1.2). What is put behind it in the packet, up to its end, are its options.
static uint8_t *put_opt(uint8_t *at, int payload, int options) {
  *at++ = 0;
  at = put16(put16(at, TYPE_OPT), payload);
  memset(at, 0, 4);
  return put16(at + 4, options);
}

static void read_subnet(Query *query, uint8_t *at, char *text) {
  char *slash = strchr(text, '/');
  struct in_addr address;
  if (!slash) die("%s is no subnet", text);
  *slash = 0;
  int bits = atoi(slash + 1), octets = (bits + 7) / 8;
  if (bits < 1 || bits > 32 || inet_pton(AF_INET, text, &address) != 1) die("%s is no subnet", text);
  at = put_opt(at, PAYLOAD, 8 + octets);
  at = put16(put16(at, OPTION_ECS), 4 + octets);
  query->subnet = at - query->packet;
  at = put16(at, 1);
  *at++ = bits;
  *at++ = 0;
  memcpy(at, &address, octets);
  query->length = at + octets - query->packet;
}

static void read_addresses(Expected *expected, char *text) {
  int family = expected->type == TYPE_AAAA ? AF_INET6 : AF_INET;
  expected->size = family == AF_INET6 ? 16 : 4;
  for (char *each = strtok(text, ","); each; each = strtok(NULL, ",")) {
    if (expected->addresses == MAX_ADDRESSES || inet_pton(family, each, expected->address[expected->addresses++]) != 1)
      die("%s is no address, or one too many", each);
  }
}

static void read_query(Query *query, char *name, const char *type, const char *rcode, char *addresses, char *subnet) {
  Expected *expected = &query->expected;
  expected->type = strcmp(type, "AAAA") ? TYPE_A : TYPE_AAAA;
  expected->rcode = strcmp(rcode, "NXDOMAIN") ? 0 : RCODE_NXDOMAIN;
  if (strcmp(addresses, "-")) read_addresses(expected, addresses);
  query->packet[5] = query->packet[11] = 1;  // a question, and an additional record
  uint8_t *at = put_name(query->packet + HEADER, name);
  at = put16(put16(at, expected->type), 1);
  query->question_end = at - query->packet;
  if (strcmp(subnet, "-")) read_subnet(query, at, subnet);
  else query->length = put_opt(at, PAYLOAD, 0) - query->packet;
}

static void read_queries(const char *path) {
  char name[64], type[8], rcode[16], addresses[128], subnet[32];
  FILE *file = fopen(path, "r");
  if (!file) die("%s: %s", path, strerror(errno));
  int room = 0, fields;
  while ((fields = fscanf(file, "%63s %7s %15s %127s %31s", name, type, rcode, addresses, subnet)) == 5) {
    if (query_count == room) {
      room = room ? 2 * room : 1024;
      queries = realloc(queries, room * sizeof *queries);
      if (!queries) die("no memory");
    }
    memset(&queries[query_count], 0, sizeof *queries);
    read_query(&queries[query_count++], name, type, rcode, addresses, subnet);
  }
  if (fields != EOF || !query_count) die("%s: line %d is no query", path, query_count + 1);
  fclose(file);
}

static void copy_query(Slot *slot, const Query *query) {
  memcpy(slot->packet, query->packet, query->length);
  slot->query = query;
  slot->expected = &query->expected;
  slot->length = query->length;
  slot->question_end = query->question_end;
}

static const Query *take_next(void) {
  const Query *query = &queries[next_query];
  next_query = (next_query + 1) % query_count;
  return query;
}

static void compose_in_turn(Socket *socket, Slot *slot) {
  (void)socket;
  copy_query(slot, take_next());
}

static void set_case(uint8_t *at, const uint8_t *end, uint64_t bits) {  // of each letter by one bit, from the lowest
  for (; at < end; at++)
    if (isalpha(*at)) {
      *at = bits & 1 ? toupper(*at) : tolower(*at);
      bits >>= 1;
    }
}

// A name below that of a line of QUERIES, in place of its first label: what a random subdomain attack asks for. The
// label is a permutation of the number, so none comes twice.
static void compose_missing(Slot *slot, uint64_t number) {
  static const Expected missing = {.rcode = RCODE_NXDOMAIN, .type = TYPE_A};
  const Query *query = &queries[number % query_count];
  char label[32];
  int length = snprintf(label, sizeof label, "x%016llx", (unsigned long long)mix(number));
  const uint8_t *rest = query->packet + HEADER + 1 + query->packet[HEADER];
  int rest_length = query->packet + query->length - rest;
  copy_query(slot, query);
  slot->packet[HEADER] = length;
  memcpy(slot->packet + HEADER + 1, label, length);
  memcpy(slot->packet + HEADER + 1 + length, rest, rest_length);
  slot->length = HEADER + 1 + length + rest_length;
  slot->question_end = slot->length - (query->length - query->question_end);
  put16(slot->packet + slot->question_end - 4, TYPE_A);
  set_case(slot->packet + HEADER, slot->packet + slot->question_end - 4, mix(~number));
  slot->expected = &missing;
}

// One of QUERIES, in letter case as resolvers choose it by chance (draft-vixie-dnsext-dns0x20), from one of 1,024 who
// differ in the payload size they tell. Name, case and size are digits of a number that runs through all there are of
// them, by steps that share no factor with their count, so that neighbours are far apart and none comes twice.
static void compose_existing(Slot *slot, uint64_t number) {
  uint64_t all = (uint64_t)query_count * (1 << SPARE_CASES) * SPARE_SIZES, step = 2654435761;  // a prime
  if (number >= all || all % step == 0) die("a flood has only %llu existing packets", (unsigned long long)all);
  uint64_t digits = number * step % all;
  const Query *query = &queries[digits % query_count];
  digits /= query_count;
  copy_query(slot, query);
  set_case(slot->packet + HEADER, slot->packet + slot->question_end - 4, digits % (1 << SPARE_CASES));
  put16(slot->packet + slot->question_end + 3, PAYLOAD + digits / (1 << SPARE_CASES));
}

static void compose_unseen(Socket *socket, Slot *slot) {  // half of them exist
  (void)socket;
  if (unseen == 1 << 24) die("a run of a flood has only %llu packets", (unsigned long long)unseen);
  uint64_t number = run << 24 | unseen++;
  if (number % 2) compose_missing(slot, number / 2);
  else compose_existing(slot, number / 2);
}

// As a resolver: its own cookie at first, then with it the server's newest (RFC 7873, section 5.1).
static void compose_with_cookie(Socket *socket, Slot *slot) {
  Client *client = &socket->clients[socket->next_client];
  socket->next_client = (socket->next_client + 1) % (CLIENTS / mode->sockets);
  copy_query(slot, take_next());
  uint8_t *at = put_opt(slot->packet + slot->question_end, PAYLOAD, 4 + client->length);
  at = put16(put16(at, OPTION_COOKIE), client->length);
  memcpy(at, client->cookie, client->length);
  slot->length = at + client->length - slot->packet;
  slot->client = client;
  slot->known = client->length > CLIENT_COOKIE;
}

// ---- replies

// The end of a name in a packet, or of the packet where that is cut off.
static int skip_name(const uint8_t *packet, int at, int length) {
  while (at < length && packet[at] && packet[at] < 0xc0) at += packet[at] + 1;
  return at >= length ? length : at + (packet[at] ? 2 : 1);
}

static const uint8_t *find_option(const uint8_t *at, int length, int code, int *size) {
  for (const uint8_t *end = at + length; at + 4 <= end; at += 4 + *size) {
    *size = get16(at + 2);
    if (at + 4 + *size > end) return NULL;
    if (get16(at) == code) return at + 4;
  }
  return NULL;
}

static bool is_expected(const Expected *expected, int type, const uint8_t *rdata, int size) {
  if (type != expected->type || size != expected->size) return false;
  for (int i = 0; i < expected->addresses; i++)
    if (!memcmp(rdata, expected->address[i], size)) return true;
  return false;
}

// What is wrong with the options of a reply, NULL if nothing is; takes over the server's cookie.
static const char *check_options(Slot *slot, const uint8_t *options, int length) {
  int size;
  if (slot->query->subnet) {
    const uint8_t *asked = slot->packet + slot->query->subnet, *told = find_option(options, length, OPTION_ECS, &size);
    int octets = slot->length - slot->query->subnet;
    if (!told || size != octets || memcmp(told, asked, 3) || memcmp(told + 4, asked + 4, octets - 4)) return "subnet";
    if (!told[3]) return "scope";
  }
  if (slot->client) {
    Client *client = slot->client;
    const uint8_t *told = find_option(options, length, OPTION_COOKIE, &size);
    if (!told || memcmp(told, client->cookie, CLIENT_COOKIE)) return "cookie";
    if (size <= CLIENT_COOKIE || size > MAX_COOKIE) return "no cookie of the server's";
    memcpy(client->cookie, told, size);
    client->length = size;
  }
  return NULL;
}

// Whether a reply has the rcode that is due, the upper bits of which are in its OPT record (RFC 6891, section 6.1.3). A
// server may want to see its cookie before it answers (RFC 7873, section 5.2.3), but not twice.
static bool is_due(const Slot *slot, int rcode, int answers) {
  if (rcode == RCODE_BADCOOKIE) return slot->client && !slot->known && !answers;
  return rcode == slot->expected->rcode && !answers == !slot->expected->addresses;
}

// What is wrong with a reply, NULL if nothing is.
static const char *check(Slot *slot, const uint8_t *reply, int length) {
  int at = slot->question_end, answers = get16(reply + 6), records = answers + get16(reply + 8) + get16(reply + 10);
  if (!(reply[2] & 0x80)) return "no response";
  if (reply[2] & 0x02) return "truncated";
  if (get16(reply + 4) != 1 || length < at || memcmp(reply + HEADER, slot->packet + HEADER, at - HEADER)) return "question";
  for (int i = 0; i < records; i++) {
    at = skip_name(reply, at, length);
    if (at + 10 > length) return "cut off";
    const uint8_t *record = reply + at;
    int type = get16(record), size = get16(record + 8);
    at += 10 + size;
    if (at > length) return "cut off";
    if (i < answers && !is_expected(slot->expected, type, record + 10, size)) return "answer";
    if (type != TYPE_OPT) continue;
    if (!is_due(slot, record[4] << 4 | (reply[3] & 15), answers)) return "rcode, or count of answers";
    return check_options(slot, record + 10, size);
  }
  return "no EDNS";
}

static void tell(const char *what, const uint8_t *reply, int length) {
  if (wrong >= TOLD) return;
  fprintf(stderr, "wrong reply: %s: ", what);
  for (int i = 0; i < length; i++) fprintf(stderr, "%02x", reply[i]);
  fputc('\n', stderr);
}

static void vacate(Socket *socket, Slot *slot) {
  slot->waiting = false;
  socket->vacant[socket->vacancies++] = slot - socket->slots;
}

static void note(uint32_t *counts, uint64_t from, uint64_t to) {
  uint64_t microseconds = to > from ? (to - from) / 1000 : 0;
  counts[microseconds < MAX_LATENCY ? microseconds : MAX_LATENCY]++;
}

static void take(Socket *socket, const uint8_t *reply, int length, uint64_t arrived) {
  Slot *slot = length >= HEADER ? &socket->slots[get16(reply) % mode->slots] : NULL;
  if (!slot || !slot->waiting || get16(slot->packet) != get16(reply)) {
    stray++;
    return;
  }
  const char *what = check(slot, reply, length);
  if (what) {
    tell(what, reply, length);
    wrong++;
  } else {
    answered++;
    last_reply = arrived;
    note(latencies, slot->due, arrived);
  }
  vacate(socket, slot);
}

// ---- sockets

static void fail_unless_busy(const char *what) {
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) die("%s: %s", what, strerror(errno));
}

static bool receive(Socket *socket) {
  static uint8_t replies[BATCH][MAX_REPLY];
  static struct mmsghdr messages[BATCH];
  static struct iovec parts[BATCH];
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){replies[i], MAX_REPLY};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  int count = recvmmsg(socket->fd, messages, BATCH, MSG_DONTWAIT, NULL);
  if (count < 0) fail_unless_busy("receive");
  uint64_t arrived = now();
  for (int i = 0; i < count; i++) take(socket, replies[i], messages[i].msg_len, arrived);
  return count > 0;
}

// Sends a query from each of `count` vacant slots, at most BATCH; those of the paced mode are due at `due` and after
// `interval` each.
static void send_queries(Socket *socket, int count, uint64_t due, uint64_t interval) {
  static struct mmsghdr messages[BATCH];
  static struct iovec parts[BATCH];
  uint64_t moment = now();
  for (int i = 0; i < count; i++) {
    Slot *slot = &socket->slots[socket->vacant[--socket->vacancies]];
    mode->compose(socket, slot);
    put16(slot->packet, ++slot->generation << mode->slot_bits | (slot - socket->slots));
    slot->waiting = true;
    slot->due = due + i * interval;
    slot->sent = moment;
    if (interval) note(latenesses, slot->due, moment);
    parts[i] = (struct iovec){slot->packet, slot->length};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  for (int done = 0; done < count;) {
    int more = sendmmsg(socket->fd, messages + done, count - done, 0);
    if (more < 0) fail_unless_busy("send");
    else done += more;
  }
  sent += count;
}

static void open_socket(Socket *each, int number, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  int size = BUFFER;
  each->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (each->fd < 0) die("socket: %s", strerror(errno));
  if (setsockopt(each->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) die("receive buffer: %s", strerror(errno));
  if (setsockopt(each->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size)) die("send buffer: %s", strerror(errno));
  // In cookies each socket has an address of its own, for a server's cookie is good for one address only.
  address.sin_addr.s_addr = htonl(mode == &COOKIES ? INADDR_LOOPBACK + 256u + number : INADDR_LOOPBACK);
  if (bind(each->fd, (void *)&address, sizeof address)) die("bind: %s", strerror(errno));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(each->fd, (void *)&address, sizeof address)) die("connect: %s", strerror(errno));
}

static void make_clients(Socket *each, int number) {
  int count = CLIENTS / mode->sockets;
  each->clients = allocate(count, sizeof *each->clients);
  for (int i = 0; i < count; i++) {
    uint64_t cookie = mix(run << 32 | (number * count + i));
    memcpy(each->clients[i].cookie, &cookie, CLIENT_COOKIE);
    each->clients[i].length = CLIENT_COOKIE;
  }
}

static void open_sockets(int port) {
  sockets = allocate(mode->sockets, sizeof *sockets);
  for (int i = 0; i < mode->sockets; i++) {
    Socket *each = &sockets[i];
    open_socket(each, i, port);
    if (mode == &COOKIES) make_clients(each, i);
    each->slots = allocate(mode->slots, sizeof *each->slots);
    each->vacant = allocate(mode->slots, sizeof *each->vacant);
    for (int slot = 0; slot < mode->slots; slot++) vacate(each, &each->slots[slot]);
  }
}

// ---- the run

static void give_up_lost(void) {
  static uint64_t last;
  uint64_t moment = now();
  if (moment - last < SWEEP) return;
  last = moment;
  for (int i = 0; i < mode->sockets; i++)
    for (int k = 0; k < mode->slots; k++) {
      Slot *slot = &sockets[i].slots[k];
      if (slot->waiting && moment - slot->sent > LOST_AFTER) {
        lost++;
        vacate(&sockets[i], slot);
      }
    }
}

static bool receive_all(void) {
  bool any = false;
  for (int i = 0; i < mode->sockets; i++) any |= receive(&sockets[i]);
  give_up_lost();
  return any;
}

static void run_closed(uint64_t end) {
  struct pollfd waits[mode->sockets];
  for (int i = 0; i < mode->sockets; i++) waits[i] = (struct pollfd){.fd = sockets[i].fd, .events = POLLIN};
  for (uint64_t moment; (moment = now()) < end;) {
    for (int i = 0; i < mode->sockets; i++)
      if (sockets[i].vacancies) send_queries(&sockets[i], sockets[i].vacancies, moment, 0);
    if (!receive_all()) poll(waits, mode->sockets, 10);
  }
}

// Spins, so that every query leaves within microseconds of its moment.
static void run_paced(uint64_t start, uint64_t end, double rate) {
  uint64_t interval = SECOND / rate, due = start;
  for (int i = 0; due < end; i = (i + 1) % mode->sockets) {
    uint64_t moment = now(), until = moment < end ? moment : end - 1;
    int count = until < due ? 0 : 1 + (until - due) / interval;
    if (count > BATCH) count = BATCH;
    if (count > sockets[i].vacancies) count = sockets[i].vacancies;
    if (count) send_queries(&sockets[i], count, due, interval);
    due += count * interval;
    receive_all();
  }
}

static uint64_t percentile(const uint32_t *counts, uint64_t total, double share) {
  uint64_t below = 0;
  for (int i = 0; i <= MAX_LATENCY; i++)
    if ((below += counts[i]) && below >= share * total) return i;
  return 0;
}

static void print_account(uint64_t start) {
  double seconds = last_reply > start ? (last_reply - start) / (double)SECOND : 0;
  printf("{\"seconds\": %.6f, \"sent\": %llu, \"answered\": %llu, \"wrong\": %llu, \"lost\": %llu, \"stray\": %llu", seconds,
         (unsigned long long)sent, (unsigned long long)answered, (unsigned long long)wrong, (unsigned long long)lost,
         (unsigned long long)stray);
  printf(", \"p50\": %llu, \"p99\": %llu, \"p999\": %llu, \"max\": %llu, \"late_p99\": %llu}\n",
         (unsigned long long)percentile(latencies, answered, 0.5),
         (unsigned long long)percentile(latencies, answered, 0.99),
         (unsigned long long)percentile(latencies, answered, 0.999),
         (unsigned long long)percentile(latencies, answered, 1),
         (unsigned long long)percentile(latenesses, sent, 0.99));
}

static const Mode *mode_named(const char *name) {
  if (!strcmp(name, "closed")) return &CLOSED;
  if (!strcmp(name, "flood")) return &FLOOD;
  if (!strcmp(name, "cookies")) return &COOKIES;
  if (!strcmp(name, "paced")) return &PACED;
  die("%s is no mode", name);
  return NULL;
}

int main(int count, char **arguments) {
  if (count < 6 || count != 6 + !strcmp(arguments[1], "paced"))
    die("usage: loadgen closed|flood|cookies PORT SECONDS RUN QUERIES, or loadgen paced PORT SECONDS RUN QUERIES RATE");
  mode = mode_named(arguments[1]);
  run = strtoull(arguments[4], NULL, 10);
  read_queries(arguments[5]);
  open_sockets(atoi(arguments[2]));
  uint64_t start = now(), end = start + atof(arguments[3]) * SECOND;
  if (mode == &PACED) run_paced(start, end, atof(arguments[6]));
  else run_closed(end);
  while (answered + wrong + lost < sent) receive_all();
  print_account(start);
  return 0;
}
