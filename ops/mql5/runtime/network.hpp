// Sockets and cryptography.
#pragma once
#include "structures.hpp"

namespace mql {

int SocketCreate(uint flags = 0);
bool SocketClose(int socket);
bool SocketConnect(int socket, const string &server, uint port, uint timeout_ms);
bool SocketIsConnected(int socket);
uint SocketIsReadable(int socket);
bool SocketIsWritable(int socket);
bool SocketTimeouts(int socket, uint send_ms, uint receive_ms);
int SocketSend(int socket, const Array<uchar> &bytes, uint count);
int SocketRead(int socket, Array<uchar> &bytes, uint most, uint timeout_ms);
bool SocketTlsHandshake(int socket, const string &host);
bool SocketTlsCertificate(int socket, string &subject, string &issuer, string &serial, string &thumbprint, datetime &expires);
int SocketTlsSend(int socket, const Array<uchar> &bytes, uint count);
int SocketTlsRead(int socket, Array<uchar> &bytes, uint count);
int SocketTlsReadAvailable(int socket, Array<uchar> &bytes, uint most);

int CryptEncode(ENUM_CRYPT_METHOD method, const Array<uchar> &data, const Array<uchar> &key, Array<uchar> &result);
int CryptDecode(ENUM_CRYPT_METHOD method, const Array<uchar> &data, const Array<uchar> &key, Array<uchar> &result);

}  // namespace mql
