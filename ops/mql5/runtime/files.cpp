// Files, inside two folders and nowhere else.
#include "files.hpp"

#include <filesystem>
#include <cstdio>
#include <fnmatch.h>
#include <map>
#include <sys/stat.h>
#include <vector>

#include "terminal.hpp"
#include "sandbox.hpp"

namespace fs = std::filesystem;

namespace mql {

namespace {

constexpr int MOST_FILES = 64;

struct Open {
  std::FILE *file;
  int flags;
  char16_t delimiter;
  uint codepage;
  fs::path path;
  bool writing = false;  // stdio wants to be told when reading and writing alternate

  bool text() const { return (flags & (FILE_TXT | FILE_CSV)) != 0; }
  bool wide() const { return text() && (flags & FILE_ANSI) == 0; }
  void turn(bool to_writing) {
    if (to_writing != writing) std::fseek(file, 0, SEEK_CUR);
    writing = to_writing;
  }
};
std::map<int, Open> g_files;
std::map<long, std::vector<std::string>> g_searches;

// Where a name is, or nowhere: it must not lead out of its folder.
bool locate(const string &name, bool common, fs::path &path) {
  std::string given = name.utf8();
  std::replace(given.begin(), given.end(), '\\', '/');
  const fs::path relative(given);
  bool fine = !given.empty() && !relative.is_absolute() && given.find(':') == std::string::npos;
  for (const fs::path &part : relative) fine = fine && part != "..";
  if (!fine) {
    set_error(ERR_WRONG_FILENAME);
    return false;
  }
  path = sandbox(common) / relative;
  return true;
}

Open *opened(int handle) {
  const auto found = g_files.find(handle);
  if (found != g_files.end()) return &found->second;
  set_error(ERR_INVALID_FILEHANDLE);
  return nullptr;
}

std::string bytes_for(const Open &open, const string &text) {
  if (open.wide()) return {reinterpret_cast<const char *>(text.text().data()), 2 * text.text().size()};
  Array<uchar> bytes;
  const int length = StringToCharArray(text, bytes, 0, WHOLE_ARRAY, open.codepage) - 1;
  return {reinterpret_cast<const char *>(bytes.data()), static_cast<std::size_t>(std::max(length, 0))};
}

// One character, whatever its width; -1 at the end.
int take(Open &open) {
  const int low = std::fgetc(open.file);
  if (!open.wide() || low == EOF) return low;
  const int high = std::fgetc(open.file);
  return high == EOF ? EOF : low | high << 8;
}

string decoded(const Open &open, const std::u16string &units) {
  if (open.wide()) return units;
  Array<uchar> bytes;
  bytes.resize(static_cast<int>(units.size()), 0);
  for (std::size_t i = 0; i < units.size(); i++) bytes[i] = static_cast<uchar>(units[i]);
  return CharArrayToString(bytes, 0, WHOLE_ARRAY, open.codepage);
}

}  // namespace

int FileOpen(const string &name, int flags, const string &delimiter, uint codepage) {
  return FileOpen(name, flags, static_cast<short>(delimiter.length() > 0 ? delimiter[0] : u'\t'), codepage);
}
int FileOpen(const string &name, int flags, short delimiter, uint codepage) {
  fs::path path;
  if (!locate(name, (flags & FILE_COMMON) != 0, path)) return INVALID_HANDLE;
  if (g_files.size() >= MOST_FILES) {
    set_error(ERR_TOO_MANY_FILES);
    return INVALID_HANDLE;
  }
  const bool reads = (flags & FILE_READ) != 0, writes = (flags & FILE_WRITE) != 0;
  if ((flags & (FILE_BIN | FILE_CSV | FILE_TXT)) == 0) flags |= FILE_CSV;
  std::error_code failed;
  if (fs::is_directory(path, failed)) {
    set_error(ERR_FILE_IS_DIRECTORY);
    return INVALID_HANDLE;
  }
  const bool exists = fs::exists(path, failed);
  if (!exists && !writes) {
    set_error(ERR_FILE_NOT_EXIST);
    return INVALID_HANDLE;
  }
  // Nobody else may have it open, here as on Windows, but where both sides share it.
  for (const auto &[handle, other] : g_files) {
    const int needed = (writes ? FILE_SHARE_WRITE : 0) | (reads ? FILE_SHARE_READ : 0);
    const int wanted = ((other.flags & FILE_WRITE) ? FILE_SHARE_WRITE : 0) | ((other.flags & FILE_READ) ? FILE_SHARE_READ : 0);
    if (other.path == path && ((other.flags & needed) != needed || (flags & wanted) != wanted)) {
      set_error(ERR_CANNOT_OPEN_FILE);
      return INVALID_HANDLE;
    }
  }
  if (writes) fs::create_directories(path.parent_path(), failed);
  const char *mode = !writes ? "rb" : !reads ? "wb" : exists ? "r+b" : "w+b";
  std::FILE *file = std::fopen(path.c_str(), mode);
  if (file == nullptr) {
    set_error(ERR_CANNOT_OPEN_FILE);
    return INVALID_HANDLE;
  }
  int handle = 1;
  while (g_files.contains(handle)) handle++;
  Open &open = g_files[handle] = {file, flags, static_cast<char16_t>(delimiter), codepage, path};
  if (open.wide()) {
    if (writes && (!exists || !reads)) std::fwrite("\xFF\xFE", 1, 2, file);
    if (reads && exists && take(open) != 0xFEFF) std::rewind(file);
  }
  return handle;
}
void FileClose(int handle) {
  if (Open *open = opened(handle)) {
    std::fclose(open->file);
    g_files.erase(handle);
  }
}
void FileFlush(int handle) {
  if (Open *open = opened(handle)) std::fflush(open->file);
}
ulong FileSize(int handle) {
  Open *open = opened(handle);
  if (open == nullptr) return 0;
  std::fflush(open->file);
  struct stat found{};
  return fstat(fileno(open->file), &found) == 0 ? static_cast<ulong>(found.st_size) : 0;
}
ulong FileTell(int handle) {
  Open *open = opened(handle);
  return open == nullptr ? 0 : static_cast<ulong>(std::ftell(open->file));
}
bool FileSeek(int handle, long offset, int origin) {
  Open *open = opened(handle);
  return open != nullptr && std::fseek(open->file, offset, origin) == 0;
}
bool FileIsEnding(int handle) {
  Open *open = opened(handle);
  return open == nullptr || FileTell(handle) >= FileSize(handle);
}
bool FileIsLineEnding(int handle) {
  Open *open = opened(handle);
  if (open == nullptr) return false;
  const long at = std::ftell(open->file);
  const int next = take(*open);
  std::fseek(open->file, at, SEEK_SET);
  return next == '\r' || next == '\n' || next == EOF;
}

bool FileIsExist(const string &name, int common_flag) {
  fs::path path;
  if (!locate(name, (common_flag & FILE_COMMON) != 0, path)) return false;
  std::error_code failed;
  if (fs::is_directory(path, failed)) {
    set_error(ERR_FILE_IS_DIRECTORY);
    return false;
  }
  if (fs::exists(path, failed)) return true;
  set_error(ERR_FILE_NOT_EXIST);
  return false;
}
bool FileDelete(const string &name, int common_flag) {
  fs::path path;
  if (!locate(name, (common_flag & FILE_COMMON) != 0, path)) return false;
  std::error_code failed;
  if (!fs::exists(path, failed)) {
    set_error(ERR_FILE_NOT_EXIST);
    return false;
  }
  for (const auto &[handle, open] : g_files)
    if (open.path == path) {
      set_error(ERR_CANNOT_DELETE_FILE);
      return false;
    }
  if (fs::remove(path, failed)) return true;
  set_error(ERR_CANNOT_DELETE_FILE);
  return false;
}

namespace {

bool transfer(const string &from, int common_flag, const string &to, int mode_flags, bool keeps) {
  fs::path source, target;
  if (!locate(from, (common_flag & FILE_COMMON) != 0, source) || !locate(to, (mode_flags & FILE_COMMON) != 0, target)) return false;
  std::error_code failed;
  if (!fs::exists(source, failed)) {
    set_error(ERR_FILE_NOT_EXIST);
    return false;
  }
  if (fs::exists(target, failed) && (mode_flags & FILE_REWRITE) == 0) {
    set_error(ERR_FILE_CANNOT_REWRITE);
    return false;
  }
  // Windows moves no file that is open, and puts none in the place of one.
  for (const auto &[handle, open] : g_files)
    if ((open.path == source && !keeps) || open.path == target) {
      set_error(ERR_CANNOT_OPEN_FILE);
      return false;
    }
  fs::create_directories(target.parent_path(), failed);
  if (keeps)
    fs::copy_file(source, target, fs::copy_options::overwrite_existing, failed);
  else
    fs::rename(source, target, failed);
  if (failed) set_error(ERR_CANNOT_OPEN_FILE);
  return !failed;
}

}  // namespace

bool FileMove(const string &from, int common_flag, const string &to, int mode_flags) { return transfer(from, common_flag, to, mode_flags, false); }
bool FileCopy(const string &from, int common_flag, const string &to, int mode_flags) { return transfer(from, common_flag, to, mode_flags, true); }

bool FolderCreate(const string &name, int common_flag) {
  fs::path path;
  if (!locate(name, (common_flag & FILE_COMMON) != 0, path)) return false;
  std::error_code failed;
  fs::create_directories(path, failed);
  if (fs::is_directory(path, failed)) return true;
  set_error(ERR_WRONG_DIRECTORYNAME);
  return false;
}
bool FolderDelete(const string &name, int common_flag) {
  fs::path path;
  std::error_code failed;
  if (!locate(name, (common_flag & FILE_COMMON) != 0, path)) return false;
  if (!fs::is_directory(path, failed)) {
    set_error(ERR_DIRECTORY_NOT_EXIST);
    return false;
  }
  if (fs::remove(path, failed)) return true;
  set_error(ERR_CANNOT_DELETE_DIRECTORY);
  return false;
}
bool FolderClean(const string &name, int common_flag) {
  fs::path path;
  std::error_code failed;
  if (!locate(name, (common_flag & FILE_COMMON) != 0, path)) return false;
  for (const fs::directory_entry &entry : fs::directory_iterator(path, failed)) fs::remove_all(entry, failed);
  return !failed;
}
long FileGetInteger(int handle, ENUM_FILE_PROPERTY_INTEGER property) {
  Open *open = opened(handle);
  if (open == nullptr) return -1;
  switch (property) {
    case FILE_SIZE: return static_cast<long>(FileSize(handle));
    case FILE_POSITION: return std::ftell(open->file);
    case FILE_END: return FileIsEnding(handle);
    default: return -1;
  }
}
long FileGetInteger(const string &name, ENUM_FILE_PROPERTY_INTEGER property, bool common) {
  fs::path path;
  struct stat found{};
  if (!locate(name, common, path)) return -1;
  if (stat(path.c_str(), &found) != 0) {
    set_error(ERR_FILE_NOT_EXIST);
    return property == FILE_EXISTS ? 0 : -1;
  }
  switch (property) {
    case FILE_EXISTS: return 1;
    case FILE_SIZE: return found.st_size;
    case FILE_CREATE_DATE: return found.st_ctime;
    case FILE_MODIFY_DATE: return found.st_mtime;
    default: return -1;
  }
}
long FileFindFirst(const string &filter, string &name, int common_flag) {
  fs::path pattern;
  if (!locate(filter, (common_flag & FILE_COMMON) != 0, pattern)) return INVALID_HANDLE;
  std::vector<std::string> found;
  std::error_code failed;
  for (const fs::directory_entry &entry : fs::directory_iterator(pattern.parent_path(), failed))
    if (fnmatch(pattern.filename().c_str(), entry.path().filename().c_str(), 0) == 0)
      found.push_back(entry.path().filename().string() + (entry.is_directory() ? "\\" : ""));
  std::sort(found.rbegin(), found.rend());
  if (found.empty()) {
    set_error(ERR_FILE_NOT_EXIST);
    return INVALID_HANDLE;
  }
  static long last = 0;
  g_searches[++last] = found;
  FileFindNext(last, name);
  return last;
}
bool FileFindNext(long search, string &name) {
  std::vector<std::string> &left = g_searches[search];
  if (left.empty()) return false;
  name = string::from_utf8(left.back());
  left.pop_back();
  return true;
}
void FileFindClose(long search) { g_searches.erase(search); }

long write_bytes(int handle, const void *bytes, ulong count) {
  Open *open = opened(handle);
  if (open == nullptr) return -1;
  if ((open->flags & FILE_WRITE) == 0) {
    set_error(ERR_FILE_NOTTOWRITE);
    return -1;
  }
  if ((open->flags & FILE_BIN) == 0) {
    set_error(ERR_FILE_NOTBIN);
    return -1;
  }
  open->turn(true);
  const ulong done = count == 0 ? 0 : std::fwrite(bytes, 1, count, open->file);
  if (done < count) set_error(ERR_FILE_WRITEERROR);
  return static_cast<long>(done);
}
long read_bytes(int handle, void *bytes, ulong count) {
  Open *open = opened(handle);
  if (open == nullptr) return -1;
  if ((open->flags & FILE_READ) == 0) {
    set_error(ERR_FILE_NOTTOREAD);
    return -1;
  }
  if ((open->flags & FILE_BIN) == 0) {
    set_error(ERR_FILE_NOTBIN);
    return -1;
  }
  open->turn(false);
  const ulong done = count == 0 ? 0 : std::fread(bytes, 1, count, open->file);
  if (done < count) set_error(ERR_FILE_READERROR);
  return static_cast<long>(done);
}
ulong bytes_left(int handle) {
  const ulong size = FileSize(handle), at = FileTell(handle);
  return size > at ? size - at : 0;
}

uint FileWriteString(int handle, const string &text, int length) {
  Open *open = opened(handle);
  if (open == nullptr) return 0;
  if ((open->flags & FILE_WRITE) == 0) {
    set_error(ERR_FILE_NOTTOWRITE);
    return 0;
  }
  open->turn(true);
  const std::string bytes = bytes_for(*open, length < 0 ? text : StringSubstr(text, 0, length));
  return static_cast<uint>(std::fwrite(bytes.data(), 1, bytes.size(), open->file));
}
// A line of a text file, a field of a CSV file, so many characters of a binary one.
string FileReadString(int handle, int length) {
  Open *open = opened(handle);
  if (open == nullptr) return u"";
  if ((open->flags & FILE_READ) == 0) {
    set_error(ERR_FILE_NOTTOREAD);
    return u"";
  }
  open->turn(false);
  std::u16string units;
  if (!open->text()) {
    for (int i = 0, next; i < length && (next = take(*open)) != EOF; i++) units += static_cast<char16_t>(next);
    return decoded(*open, units);
  }
  for (int next; (next = take(*open)) != EOF && next != '\n';) {
    if ((open->flags & FILE_CSV) != 0 && next == open->delimiter) break;
    if (next != '\r') units += static_cast<char16_t>(next);
  }
  return decoded(*open, units);
}
uint write_line(int handle, const string *fields, int count) {
  Open *open = opened(handle);
  if (open == nullptr) return 0;
  if (!open->text()) {
    set_error(ERR_FILE_NOTTXTORCSV);
    return 0;
  }
  string line(u"");
  for (int i = 0; i < count; i++) {
    if (i > 0 && (open->flags & FILE_CSV) != 0) line += std::u16string(1, open->delimiter);
    line += fields[i];
  }
  return FileWriteString(handle, line + u"\r\n");
}
uint FileWriteInteger(int handle, int value, int size) { return static_cast<uint>(std::max(write_bytes(handle, &value, static_cast<ulong>(size)), 0L)); }
uint FileWriteLong(int handle, long value) { return static_cast<uint>(std::max(write_bytes(handle, &value, 8), 0L)); }
uint FileWriteDouble(int handle, double value) { return static_cast<uint>(std::max(write_bytes(handle, &value, 8), 0L)); }
int FileReadInteger(int handle, int size) {
  int value = 0;
  read_bytes(handle, &value, static_cast<ulong>(std::clamp(size, 1, 4)));
  return size == 1 ? static_cast<uchar>(value) : size == 2 ? static_cast<short>(value) : value;
}
long FileReadLong(int handle) {
  long value = 0;
  read_bytes(handle, &value, 8);
  return value;
}
double FileReadDouble(int handle) {
  double value = 0;
  read_bytes(handle, &value, 8);
  return value;
}
double FileReadNumber(int handle) { return StringToDouble(FileReadString(handle)); }

}  // namespace mql
