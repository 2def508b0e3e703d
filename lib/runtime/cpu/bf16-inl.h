// Vectors of floats from and to memory that holds f32 or bf16. Included once per instruction set, after hwy/highway.h.
#if defined(COMPRESS_BF16_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef COMPRESS_BF16_INL_H
#undef COMPRESS_BF16_INL_H
#else
#define COMPRESS_BF16_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE hn::Vec<D> loadReals(D d, const float* from) {
  return hn::LoadU(d, from);
}

template <class D>
HWY_INLINE hn::Vec<D> loadReals(D d, const uint16_t* from) {
  const hn::RebindToSigned<D> whole;
  const hn::Rebind<uint16_t, D> half;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(whole, hn::LoadU(half, from))));
}

template <class D>
HWY_INLINE void storeReals(D d, hn::Vec<D> x, float* to) {
  hn::StoreU(x, d, to);
}

/// Nearest, ties to even; NaN stays NaN.
template <class D>
HWY_INLINE void storeReals(D, hn::Vec<D> x, uint16_t* to) {
  const hn::RebindToSigned<D> whole;
  const hn::RebindToUnsigned<D> bare;
  const hn::Rebind<uint16_t, D> half;
  const auto bits = hn::BitCast(whole, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(whole, 1));
  const auto rounded = hn::Add(hn::Add(bits, hn::Set(whole, 0x7FFF)), odd);
  const auto quiet = hn::Or(bits, hn::Set(whole, 0x400000));
  const auto chosen = hn::IfThenElse(hn::RebindMask(whole, hn::IsNaN(x)), quiet, rounded);
  hn::StoreU(hn::DemoteTo(half, hn::BitCast(whole, hn::ShiftRight<16>(hn::BitCast(bare, chosen)))), half, to);
}

}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
