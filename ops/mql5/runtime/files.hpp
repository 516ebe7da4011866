// Files, inside two folders and nowhere else: the terminal's own, and with FILE_COMMON the one that all share.
#pragma once
#include "structures.hpp"

namespace mql {

int FileOpen(const string &name, int flags, short delimiter = '\t', uint codepage = CP_ACP);
int FileOpen(const string &name, int flags, const string &delimiter, uint codepage = CP_ACP);
void FileClose(int handle);
void FileFlush(int handle);
ulong FileSize(int handle);
ulong FileTell(int handle);
bool FileSeek(int handle, long offset, int origin);
bool FileIsEnding(int handle);
bool FileIsLineEnding(int handle);
bool FileIsExist(const string &name, int common_flag = 0);
bool FileDelete(const string &name, int common_flag = 0);
bool FileMove(const string &from, int common_flag, const string &to, int mode_flags);
bool FileCopy(const string &from, int common_flag, const string &to, int mode_flags);
bool FolderCreate(const string &name, int common_flag = 0);
bool FolderDelete(const string &name, int common_flag = 0);
bool FolderClean(const string &name, int common_flag = 0);
long FileGetInteger(int handle, ENUM_FILE_PROPERTY_INTEGER property);
long FileGetInteger(const string &name, ENUM_FILE_PROPERTY_INTEGER property, bool common = false);
long FileFindFirst(const string &filter, string &name, int common_flag = 0);
bool FileFindNext(long search, string &name);
void FileFindClose(long search);

uint FileWriteString(int handle, const string &text, int length = -1);
string FileReadString(int handle, int length = -1);
uint FileWriteInteger(int handle, int value, int size = 4);
uint FileWriteLong(int handle, long value);
uint FileWriteDouble(int handle, double value);
int FileReadInteger(int handle, int size = 4);
long FileReadLong(int handle);
double FileReadDouble(int handle);
double FileReadNumber(int handle);

// The bytes of an array of numbers; -1 where the handle does not allow it.
long write_bytes(int handle, const void *bytes, ulong count);
long read_bytes(int handle, void *bytes, ulong count);
ulong bytes_left(int handle);
uint write_line(int handle, const string *fields, int count);

template <class T>
uint FileWriteArray(int handle, const Array<T> &array, int start = 0, int count = WHOLE_ARRAY) {
  static_assert(std::is_trivially_copyable_v<T>, "FileWriteArray writes numbers and structures of numbers");
  if (start < 0 || start > array.size()) return 0;
  if (count < 0 || count > array.size() - start) count = array.size() - start;
  const long done = write_bytes(handle, array.data() + start, sizeof(T) * static_cast<ulong>(count));
  return done < 0 ? 0 : static_cast<uint>(static_cast<ulong>(done) / sizeof(T));
}
template <class T>
uint FileReadArray(int handle, Array<T> &array, int start = 0, int count = WHOLE_ARRAY) {
  static_assert(std::is_trivially_copyable_v<T>, "FileReadArray reads numbers and structures of numbers");
  const int left = static_cast<int>(bytes_left(handle) / sizeof(T));
  if (start < 0) return 0;
  if (count < 0 || count > left) count = left;
  if (start + count > array.size() && !array.resize(start + count, 0)) count = array.size() - start;
  const long done = read_bytes(handle, array.data() + start, sizeof(T) * static_cast<ulong>(std::max(count, 0)));
  return done < 0 ? 0 : static_cast<uint>(static_cast<ulong>(done) / sizeof(T));
}
template <class... A>
uint FileWrite(int handle, const A &...values) {
  const string fields[] = {to_text(Argument(values))..., string()};
  return write_line(handle, fields, sizeof...(A));
}

}  // namespace mql
