# Compiler flags that every target of the project shares: warnings are errors, the release build is hardened.
add_library(compress_flags INTERFACE)
target_compile_options(compress_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror -fstack-protector-strong
                       -fno-math-errno -ffp-contract=off)
# GCC 12 warns of overlapping copies inside std::string's own operator+ where there are none (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(compress_flags INTERFACE -Wno-restrict)
endif()
target_compile_options(compress_flags INTERFACE $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2 -fstack-clash-protection -fcf-protection>)
target_link_options(compress_flags INTERFACE -Wl,-z,relro,-z,now)
if(COMPRESS_SANITIZE)
  target_compile_options(compress_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
                         -Wno-maybe-uninitialized)  # false with GCC's sanitizers: inside std::function and std::regex
  target_link_options(compress_flags INTERFACE -fsanitize=address,undefined)
endif()
