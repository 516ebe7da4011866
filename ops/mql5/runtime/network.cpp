// Sockets, TLS and cryptography. Only hosts that the user allowed are connected to, and none in the strategy tester.
#include "network.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <chrono>
#include <fcntl.h>
#include <map>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "options.hpp"
#include "terminal.hpp"

namespace mql {

namespace {

constexpr std::size_t MOST_SOCKETS = 128;
constexpr int TLS_PATIENCE_MS = 10'000;
constexpr uint DEFAULT_READ_MS = 120'000;  // what a timeout of 0 stands for

struct Socket {
  int fd = -1;
  SSL *tls = nullptr;
  bool alive = false;
  bool asked = false;  // for what there is to read
  int send_ms = 60'000, receive_ms = 60'000;
};
std::map<int, Socket> g_sockets;

Socket *opened(int handle) {
  const auto found = g_sockets.find(handle);
  if (found != g_sockets.end()) return &found->second;
  set_error(ERR_NETSOCKET_INVALIDHANDLE);
  return nullptr;
}

class Deadline {
 public:
  explicit Deadline(long ms) : m_end(std::chrono::steady_clock::now() + std::chrono::milliseconds(ms)) {}
  int left() const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(m_end - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, 1 << 30));
  }

 private:
  std::chrono::steady_clock::time_point m_end;
};

bool wait_for(int fd, short what, int ms) {
  pollfd waiting{fd, what, 0};
  return ::poll(&waiting, 1, ms) > 0;
}

int failed(Socket &socket) {
  socket.alive = false;
  set_error(ERR_NETSOCKET_IO_ERROR);
  return -1;
}

void close(Socket &socket) {
  if (socket.tls != nullptr) {
    if (socket.alive) SSL_shutdown(socket.tls);
    SSL_free(socket.tls);
  }
  if (socket.fd >= 0) ::close(socket.fd);
  socket = {};
}

SSL_CTX *trust() {
  static SSL_CTX *context = [] {
    SSL_CTX *made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
    if (options().authorities.empty())
      SSL_CTX_set_default_verify_paths(made);
    else
      SSL_CTX_load_verify_locations(made, options().authorities.c_str(), nullptr);
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
    return made;
  }();
  return context;
}

// Repeats what TLS cannot do at once; what it returned last.
template <class F>
int patiently(Socket &socket, int ms, F step) {
  const Deadline deadline(ms);
  while (true) {
    ERR_clear_error();
    const int done = step();
    if (done > 0) return done;
    const int why = SSL_get_error(socket.tls, done);
    const short what = why == SSL_ERROR_WANT_READ ? POLLIN : why == SSL_ERROR_WANT_WRITE ? POLLOUT : short(0);
    if (what == 0 || !wait_for(socket.fd, what, deadline.left())) return why == SSL_ERROR_WANT_READ ? 0 : -1;
  }
}

std::string hexadecimal(const uchar *bytes, uint count) {
  std::string out;
  char two[3];
  for (uint i = 0; i < count; i++) {
    std::snprintf(two, sizeof two, "%02x", bytes[i]);
    out += two;
  }
  return out;
}

}  // namespace

int SocketCreate(uint) {
  std::signal(SIGPIPE, SIG_IGN);
  if (options().tester) {
    set_error(ERR_FUNCTION_NOT_ALLOWED);
    return INVALID_HANDLE;
  }
  if (g_sockets.size() >= MOST_SOCKETS) {
    set_error(ERR_NETSOCKET_TOO_MANY_OPENED);
    return INVALID_HANDLE;
  }
  int handle = 1;
  while (g_sockets.contains(handle)) handle++;
  g_sockets[handle] = {};
  return handle;
}
bool SocketClose(int handle) {
  Socket *socket = opened(handle);
  if (socket == nullptr) return false;
  close(*socket);
  g_sockets.erase(handle);
  return true;
}
bool SocketConnect(int handle, const string &server, uint port, uint timeout_ms) {
  Socket *socket = opened(handle);
  if (socket == nullptr) return false;
  const std::string host = server.utf8();
  if (std::find(options().allowed.begin(), options().allowed.end(), host) == options().allowed.end()) {
    set_error(ERR_FUNCTION_NOT_ALLOWED);
    return false;
  }
  close(*socket);
  const Deadline deadline(timeout_ms);
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) == 0) {
    for (const addrinfo *at = found; at != nullptr && socket->fd < 0; at = at->ai_next) {
      const int fd = ::socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const int connecting = ::connect(fd, at->ai_addr, at->ai_addrlen);
      int error = connecting == 0 ? 0 : errno;
      socklen_t size = sizeof error;
      if (error == EINPROGRESS) {
        if (wait_for(fd, POLLOUT, deadline.left()))
          getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      }
      if (error == 0)
        socket->fd = fd;
      else
        ::close(fd);
    }
    freeaddrinfo(found);
  }
  if (socket->fd < 0) {
    set_error(ERR_NETSOCKET_CANNOT_CONNECT);
    return false;
  }
  const int at_once = 1;
  setsockopt(socket->fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  socket->alive = true;
  return true;
}
bool SocketIsConnected(int handle) {
  Socket *socket = opened(handle);
  if (socket == nullptr || !socket->alive) return false;
  // What has arrived before the other side closed can still be read, and until then it counts as connected.
  if (socket->tls != nullptr && SSL_pending(socket->tls) > 0) return true;
  // Its last word may have been read while looking for more, and the socket stays open until we have said ours.
  if (socket->tls != nullptr && (SSL_get_shutdown(socket->tls) & SSL_RECEIVED_SHUTDOWN) != 0) socket->alive = false;
  char byte;
  const ssize_t peeked = ::recv(socket->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (peeked == 0 || (peeked < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) socket->alive = false;
  return socket->alive;
}
// The terminal guesses 1 when it is asked for the first time and nothing is there yet; only reading tells.
uint SocketIsReadable(int handle) {
  Socket *socket = opened(handle);
  if (socket == nullptr || socket->fd < 0) return 0;
  int waiting = 0;
  if (socket->tls != nullptr) {
    char byte;
    if (SSL_pending(socket->tls) == 0) SSL_peek(socket->tls, &byte, 1);
    waiting = SSL_pending(socket->tls);
  } else if (::ioctl(socket->fd, FIONREAD, &waiting) != 0) {
    waiting = 0;
  }
  const bool guesses = !socket->asked && socket->alive && waiting <= 0;
  socket->asked = true;
  return guesses ? 1 : static_cast<uint>(std::max(waiting, 0));
}
bool SocketIsWritable(int handle) {
  Socket *socket = opened(handle);
  return socket != nullptr && socket->alive && wait_for(socket->fd, POLLOUT, 0);
}
bool SocketTimeouts(int handle, uint send_ms, uint receive_ms) {
  Socket *socket = opened(handle);
  if (socket == nullptr) return false;
  socket->send_ms = static_cast<int>(send_ms);
  socket->receive_ms = static_cast<int>(receive_ms);
  return true;
}
int SocketSend(int handle, const Array<uchar> &bytes, uint count) {
  Socket *socket = opened(handle);
  if (socket == nullptr) return -1;
  if (!socket->alive) return failed(*socket);
  count = std::min(count, static_cast<uint>(bytes.size()));
  const Deadline deadline(socket->send_ms);
  uint done = 0;
  while (done < count) {
    const ssize_t sent = ::send(socket->fd, bytes.data() + done, count - done, MSG_NOSIGNAL);
    if (sent > 0)
      done += static_cast<uint>(sent);
    else if (errno != EAGAIN && errno != EINTR)
      return failed(*socket);
    else if (!wait_for(socket->fd, POLLOUT, deadline.left()))
      return done > 0 ? static_cast<int>(done) : failed(*socket);
  }
  return static_cast<int>(done);
}
// Waits until all of it is there or the time is over; -1 where nothing came, which is an error only if nothing can.
int SocketRead(int handle, Array<uchar> &bytes, uint most, uint timeout_ms) {
  Socket *socket = opened(handle);
  if (socket == nullptr) return -1;
  if (socket->fd < 0) return failed(*socket);
  if (bytes.size() < static_cast<int>(most) && !bytes.resize(static_cast<int>(most), 0)) most = static_cast<uint>(bytes.size());
  const Deadline deadline(timeout_ms == 0 ? DEFAULT_READ_MS : timeout_ms);
  uint done = 0;
  bool broken = false;
  while (done < most && !broken) {
    const ssize_t got = ::recv(socket->fd, bytes.data() + done, most - done, 0);
    if (got > 0)
      done += static_cast<uint>(got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
      broken = true;
    else if (!wait_for(socket->fd, POLLIN, deadline.left()))
      break;
  }
  bytes.resize(static_cast<int>(done), 0);
  if (broken) socket->alive = false;
  if (done > 0) return static_cast<int>(done);
  return broken ? failed(*socket) : -1;
}

// TLS

bool SocketTlsHandshake(int handle, const string &host) {
  Socket *socket = opened(handle);
  if (socket == nullptr) return false;
  if (!socket->alive) {
    failed(*socket);
    return false;
  }
  const std::string name = host.utf8();
  socket->tls = SSL_new(trust());
  SSL_set_fd(socket->tls, socket->fd);
  SSL_set_mode(socket->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (in_addr any{}; inet_pton(AF_INET, name.c_str(), &any) == 1) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(socket->tls), name.c_str());
  } else {
    SSL_set_tlsext_host_name(socket->tls, name.c_str());
    SSL_set1_host(socket->tls, name.c_str());
  }
  if (patiently(*socket, TLS_PATIENCE_MS, [&] { return SSL_connect(socket->tls); }) > 0) return true;
  socket->alive = false;
  set_error(ERR_NETSOCKET_HANDSHAKE_FAILED);
  return false;
}
bool SocketTlsCertificate(int handle, string &subject, string &issuer, string &serial, string &thumbprint, datetime &expires) {
  Socket *socket = opened(handle);
  X509 *shown = socket != nullptr && socket->tls != nullptr ? SSL_get1_peer_certificate(socket->tls) : nullptr;
  if (shown == nullptr) {
    set_error(ERR_NETSOCKET_NO_CERTIFICATE);
    return false;
  }
  char name[512];
  subject = string::from_utf8(X509_NAME_oneline(X509_get_subject_name(shown), name, sizeof name));
  issuer = string::from_utf8(X509_NAME_oneline(X509_get_issuer_name(shown), name, sizeof name));
  const ASN1_INTEGER *number = X509_get0_serialNumber(shown);
  serial = string::from_utf8(hexadecimal(ASN1_STRING_get0_data(number), static_cast<uint>(ASN1_STRING_length(number))));
  uchar digest[EVP_MAX_MD_SIZE];
  uint size = 0;
  X509_digest(shown, EVP_sha1(), digest, &size);
  thumbprint = string::from_utf8(hexadecimal(digest, size));
  std::tm end{};
  ASN1_TIME_to_tm(X509_get0_notAfter(shown), &end);
  expires = timegm(&end);
  X509_free(shown);
  return true;
}
int SocketTlsSend(int handle, const Array<uchar> &bytes, uint count) {
  Socket *socket = opened(handle);
  if (socket == nullptr) return -1;
  if (!socket->alive || socket->tls == nullptr) return failed(*socket);
  count = std::min(count, static_cast<uint>(bytes.size()));
  uint done = 0;
  while (done < count) {
    const int sent = patiently(*socket, socket->send_ms, [&] { return SSL_write(socket->tls, bytes.data() + done, static_cast<int>(count - done)); });
    if (sent <= 0) return failed(*socket);
    done += static_cast<uint>(sent);
  }
  return static_cast<int>(done);
}

namespace {

int tls_read(int handle, Array<uchar> &bytes, uint most, bool all) {
  Socket *socket = opened(handle);
  if (socket == nullptr) return -1;
  if (socket->tls == nullptr) return failed(*socket);
  if (bytes.size() < static_cast<int>(most) && !bytes.resize(static_cast<int>(most), 0)) most = static_cast<uint>(bytes.size());
  uint done = 0;
  bool broken = false;
  while (done < most) {
    const int got = patiently(*socket, all ? socket->receive_ms : 0, [&] { return SSL_read(socket->tls, bytes.data() + done, static_cast<int>(most - done)); });
    if (got > 0) {
      done += static_cast<uint>(got);
      continue;
    }
    broken = got < 0;
    break;
  }
  bytes.resize(static_cast<int>(done), 0);
  if (broken) socket->alive = false;
  if (done > 0 || (!all && !broken)) return static_cast<int>(done);
  set_error(ERR_NETSOCKET_IO_ERROR);
  return -1;
}

}  // namespace

int SocketTlsRead(int handle, Array<uchar> &bytes, uint count) { return tls_read(handle, bytes, count, true); }
int SocketTlsReadAvailable(int handle, Array<uchar> &bytes, uint most) { return tls_read(handle, bytes, most, false); }

// Cryptography

namespace {

int digested(const EVP_MD *kind, const Array<uchar> &data, Array<uchar> &result) {
  uchar digest[EVP_MAX_MD_SIZE];
  uint size = 0;
  EVP_Digest(data.data(), static_cast<std::size_t>(data.size()), digest, &size, kind, nullptr);
  if (!result.resize(static_cast<int>(size), 0) && result.size() < static_cast<int>(size)) return 0;
  std::copy_n(digest, size, result.begin());
  return static_cast<int>(size);
}

int refused() {
  set_error(ERR_INVALID_PARAMETER);
  return 0;
}

}  // namespace

int CryptEncode(ENUM_CRYPT_METHOD method, const Array<uchar> &data, const Array<uchar> &, Array<uchar> &result) {
  switch (method) {
    case CRYPT_HASH_SHA1: return digested(EVP_sha1(), data, result);
    case CRYPT_HASH_SHA256: return digested(EVP_sha256(), data, result);
    case CRYPT_HASH_MD5: return digested(EVP_md5(), data, result);
    case CRYPT_BASE64: {
      std::string text(static_cast<std::size_t>(data.size() + 2) / 3 * 4 + 1, '\0');
      const int size = EVP_EncodeBlock(reinterpret_cast<uchar *>(text.data()), data.data(), data.size());
      if (!result.resize(size, 0)) return refused();
      std::copy_n(text.data(), size, result.begin());
      return size;
    }
    default: return refused();
  }
}
int CryptDecode(ENUM_CRYPT_METHOD method, const Array<uchar> &data, const Array<uchar> &, Array<uchar> &result) {
  if (method != CRYPT_BASE64 || data.size() % 4 != 0) return refused();
  std::string bytes(static_cast<std::size_t>(data.size()) / 4 * 3 + 1, '\0');
  int size = EVP_DecodeBlock(reinterpret_cast<uchar *>(bytes.data()), data.data(), data.size());
  if (size < 0) return refused();
  for (int i = data.size() - 1; i >= 0 && data[i] == '='; i--) size--;
  if (!result.resize(size, 0)) return refused();
  std::copy_n(bytes.data(), size, result.begin());
  return size;
}

}  // namespace mql
