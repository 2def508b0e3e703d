#include "lib/eval/picture.h"

#include <spng.h>
#include <turbojpeg.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/eval/jpeg_markers.h"
#include "lib/eval/stored_array.h"

namespace compress {
namespace {

/// Enough for the header of most files; others are read whole.
constexpr int64_t kHeadBytes = 64 << 10;
constexpr int64_t kTailBytes = 2048;
constexpr int64_t kFileLimit = 512 << 20;
constexpr size_t kPngChunkLimit = 16 << 20;

[[noreturn]] void refuse(std::string_view what) {
  throw Error(ErrorKind::input, std::string(what));
}

bool isJpeg(std::string_view bytes) {
  return bytes.starts_with("\xFF\xD8\xFF");
}
bool isPng(std::string_view bytes) {
  return bytes.starts_with("\x89PNG\r\n\x1A\n");
}
bool isPortable(std::string_view bytes) {
  return bytes.starts_with("P5") || bytes.starts_with("P6");
}

void requireExtent(int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > 65535 || height > 65535 || width * height > kPixelLimit)
    refuse(text("picture of ", width, " x ", height, " pixels, the limit is ", kPixelLimit));
}

// JPEG
// --------------------------------------------------------------------------------------------------------------------------

class JpegDecoder {
 public:
  explicit JpegDecoder(std::string_view bytes) : bytes_(bytes), handle_(tjInitDecompress()) {
    if (!handle_) throw Error(ErrorKind::resource, "libjpeg-turbo: out of memory");
    int subsampling = 0;
    if (tjDecompressHeader3(handle_.get(), data(), size(), &width_, &height_, &subsampling, &colorSpace_) != 0)
      refuse(text("damaged JPEG: ", failure()));
    requireExtent(width_, height_);
  }

  Tensor decode() {
    const bool isInk = colorSpace_ == TJCS_CMYK || colorSpace_ == TJCS_YCCK;
    const int format = isInk ? TJPF_CMYK : TJPF_RGB;
    Buffer pixels(DType::u8, Shape{height_, width_, tjPixelSize[format]});
    const int status = tjDecompress2(handle_.get(), data(), size(), pixels.as<uint8_t>().data(), width_, 0, height_,
                                     format, TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
    // Warnings about stray bytes are harmless; a missing end leaves part of the picture grey.
    if (status != 0 &&
        (tjGetErrorCode(handle_.get()) == TJERR_FATAL || failure().find("Premature") != std::string::npos))
      refuse(text("damaged JPEG: ", failure()));
    return isInk ? inkToRgb(pixels) : std::move(pixels).freeze();
  }

 private:
  struct Destroy {
    void operator()(void* handle) const { tjDestroy(handle); }
  };
  const unsigned char* data() const { return reinterpret_cast<const unsigned char*>(bytes_.data()); }
  unsigned long size() const { return bytes_.size(); }
  std::string failure() { return tjGetErrorStr2(handle_.get()); }

  /// Adobe stores inks inverted: 255 is no ink.
  Tensor inkToRgb(const Buffer& inks) {
    const bool isInverted = findSegment(bytes_, 0xEE, "Adobe").has_value();
    Buffer rgb(DType::u8, Shape{height_, width_, 3});
    const auto from = inks.as<uint8_t>();
    const auto to = rgb.as<uint8_t>();
    for (size_t pixel = 0; pixel < to.size() / 3; ++pixel)
      for (size_t c = 0; c < 3; ++c) {
        const auto paper = [&](size_t ink) {
          return static_cast<unsigned>(isInverted ? from[pixel * 4 + ink] : 255 - from[pixel * 4 + ink]);
        };
        to[pixel * 3 + c] = static_cast<uint8_t>((paper(c) * paper(3) + 127) / 255);
      }
    return std::move(rgb).freeze();
  }

  std::string_view bytes_;
  std::unique_ptr<void, Destroy> handle_;
  int width_ = 0, height_ = 0, colorSpace_ = 0;
};

// PNG
// ---------------------------------------------------------------------------------------------------------------------------

class PngDecoder {
 public:
  explicit PngDecoder(std::string_view bytes) : context_(spng_ctx_new(0)) {
    if (!context_) throw Error(ErrorKind::resource, "libspng: out of memory");
    spng_set_image_limits(context_.get(), 65535, 65535);
    spng_set_chunk_limits(context_.get(), kPngChunkLimit, kPngChunkLimit);
    require(spng_set_png_buffer(context_.get(), bytes.data(), bytes.size()));
    require(spng_get_ihdr(context_.get(), &header_));
    requireExtent(header_.width, header_.height);
  }

  Tensor decode() {
    size_t size = 0;
    require(spng_decoded_image_size(context_.get(), SPNG_FMT_RGB8, &size));
    Buffer pixels(DType::u8, Shape{header_.height, header_.width, 3});
    if (size != pixels.raw().size()) refuse(text("PNG decodes to ", size, " bytes, expected ", pixels.raw().size()));
    require(spng_decode_image(context_.get(), pixels.raw().data(), size, SPNG_FMT_RGB8, 0));
    return std::move(pixels).freeze();
  }

 private:
  struct Free {
    void operator()(spng_ctx* context) const { spng_ctx_free(context); }
  };
  static void require(int status) {
    if (status != 0) refuse(text("damaged PNG: ", spng_strerror(status)));
  }

  std::unique_ptr<spng_ctx, Free> context_;
  spng_ihdr header_{};
};

// PPM and PGM
// -------------------------------------------------------------------------------------------------------------------

class PortableDecoder {
 public:
  explicit PortableDecoder(std::string_view bytes) : rest_(bytes), channels_(bytes[1] == '6' ? 3 : 1) {
    rest_.remove_prefix(2);
    width_ = field();
    height_ = field();
    largest_ = field();
    requireExtent(width_, height_);
    if (largest_ < 1 || largest_ > 65535)
      refuse(text("PPM with a largest value of ", largest_, ", expected 1 to 65535"));
    if (rest_.empty()) refuse("PPM without pixels");
    rest_.remove_prefix(1);
  }

  /// `rest` is the whole file's, not a head's.
  Tensor decode() const {
    const int64_t sampleBytes = largest_ > 255 ? 2 : 1, expected = width_ * height_ * channels_ * sampleBytes;
    if (static_cast<int64_t>(rest_.size()) != expected)
      refuse(text("PPM of ", width_, " x ", height_, " has ", rest_.size(), " bytes of pixels, expected ", expected));
    Buffer pixels(DType::u8, Shape{height_, width_, 3});
    const auto to = pixels.as<uint8_t>();
    for (size_t i = 0; i < to.size(); ++i) {
      const size_t sample = channels_ == 3 ? i : i / 3;
      const auto byte = [&](size_t at) { return static_cast<int64_t>(static_cast<uint8_t>(rest_[at])); };
      const int64_t value = sampleBytes == 2 ? byte(2 * sample) << 8 | byte(2 * sample + 1) : byte(sample);
      to[i] = static_cast<uint8_t>(std::min<int64_t>((value * 255 + largest_ / 2) / largest_, 255));
    }
    return std::move(pixels).freeze();
  }

 private:
  int64_t field() {
    for (;;) {
      while (!rest_.empty() &&
             (rest_.front() == ' ' || rest_.front() == '\n' || rest_.front() == '\t' || rest_.front() == '\r'))
        rest_.remove_prefix(1);
      if (!rest_.starts_with('#')) break;
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    }
    int64_t value = 0;
    const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (failed != std::errc()) refuse("damaged PPM header");
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return value;
  }

  std::string_view rest_;
  int64_t channels_, width_ = 0, height_ = 0, largest_ = 0;
};

std::string readPart(const StoredFile& file, int64_t offset, int64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  file.readAt(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

/// Do header and end look whole? No: only decoding tells.
bool looksWhole(std::string_view head, std::string_view tail) {
  if (isPng(head)) {
    PngDecoder check(head);
    return tail.find("IEND") != std::string_view::npos;
  }
  if (!isJpeg(head)) return false;
  try {
    JpegDecoder check(head);
  } catch (const Error& error) {
    if (error.message().find("pixels") != std::string::npos) throw;
    return false;
  }
  return tail.rfind("\xFF\xD9") != std::string_view::npos;
}

}  // namespace

Tensor decodePicture(std::string_view bytes) {
  if (bytes.empty()) refuse("picture of 0 bytes");
  if (isJpeg(bytes)) return upright(JpegDecoder(bytes).decode(), exifOrientation(bytes));
  if (isPng(bytes)) return PngDecoder(bytes).decode();
  if (isPortable(bytes)) return PortableDecoder(bytes).decode();
  refuse("neither JPEG, PNG nor binary PPM");
}

void checkPicture(const std::filesystem::path& path) {
  const auto file = StoredFile::open(path);
  if (file->size() > kFileLimit) refuse(text("picture file of ", file->size(), " bytes, the limit is ", kFileLimit));
  const std::string head = readPart(*file, 0, std::min(file->size(), kHeadBytes));
  const int64_t tailBytes = std::min(file->size(), kTailBytes);
  if (looksWhole(head, readPart(*file, file->size() - tailBytes, tailBytes))) return;
  decodePicture(readPart(*file, 0, file->size()));
}

bool hasPictureName(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".ppm" ||
         extension == ".pgm";
}

}  // namespace compress
