# add_layer(NAME FOLDER DEPENDENCIES...): the static library compress_NAME of all .cpp files below FOLDER; DEPENDENCIES are the
# layers and packages that it may see.
function(add_layer name folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cpp)
  add_library(compress_${name} STATIC ${sources})
  target_include_directories(compress_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(compress_${name} PUBLIC ${ARGN} compress_flags)
endfunction()
