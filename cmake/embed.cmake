# Makes one C file out of text files: cmake -DOUTPUT=embedded.c -DFILES="src/abi.h;lua/stdlib/ta.lua" -P embed.cmake
# A file is known by its base name; one that is neither of src nor of stdlib by that of its folder, too. String
# literals, so that what is embedded can be read in the generated file.
set(arrays "")
set(rows "")
set(n 0)
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  get_filename_component(folder ${file} DIRECTORY)
  get_filename_component(folder ${folder} NAME)
  if(NOT folder MATCHES "^(src|stdlib)$")
    set(name ${folder}/${name})
  endif()
  file(READ ${file} text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
  string(APPEND arrays "static const char file_${n}[] =\n    \"${text}\";\n")
  string(APPEND rows "    {\"${name}\", file_${n}, sizeof file_${n} - 1},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUTPUT} "#include \"script/embedded.h\"\n\n${arrays}
const struct embedded_file embedded_files[] = {\n${rows}};
const size_t n_embedded_files = ${n};\n")
