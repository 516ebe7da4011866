// The folders that belong to the program.
#pragma once
#include <filesystem>

namespace mql {

std::filesystem::path sandbox(bool common);

}  // namespace mql
