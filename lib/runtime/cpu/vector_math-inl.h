// Functions of vectors that several loops share. Included once per instruction set, after hwy/highway.h.
// The polynomials are minimax fits (Lawson iteration) of the functions named beside them.
#if defined(COMPRESS_VECTOR_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef COMPRESS_VECTOR_MATH_INL_H
#undef COMPRESS_VECTOR_MATH_INL_H
#else
#define COMPRESS_VECTOR_MATH_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace compress::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// 1 / x by an estimate and Newton steps: 1 ulp or so, in half the time of a division.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V fastReciprocal(D d, V x) {
  const V two = hn::Set(d, 2.F);
  V r = hn::ApproximateReciprocal(x);
  r = hn::Mul(r, hn::NegMulAdd(x, r, two));
  // AVX-512's estimate has 14 bits, that of the others 11 or 12.
  return HWY_TARGET <= HWY_AVX3 ? r : hn::Mul(r, hn::NegMulAdd(x, r, two));
}

#if HWY_TARGET <= HWY_AVX3
/// 2^t by a polynomial of degree 5 on [0, 1) (error 8e-8): AVX-512 splits t and scales in one instruction each.
HWY_INLINE hn::Vec512<float> fastExp2(hn::Full512<float> d, hn::Vec512<float> t) {
  const hn::Vec512<float> f{_mm512_reduce_ps(t.raw, 1)};
  hn::Vec512<float> p = hn::Set(d, 0.00187757594F);
  p = hn::MulAdd(p, f, hn::Set(d, 0.00898934187F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.0558263166F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.240153618F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.693153073F));
  p = hn::MulAdd(p, f, hn::Set(d, 0.999999925F));
  return hn::Vec512<float>{_mm512_scalef_ps(p.raw, t.raw)};
}
#endif

/// 2^t for |t| <= 126 by a polynomial of degree 6 on [-0.5, 0.5] (error below 2e-7).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V fastExp2(D d, V t) {
  const hn::RebindToSigned<D> di;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  const V magic = hn::Set(d, 12582912.F);
  const V shifted = hn::Add(t, magic);
  const V f = hn::Sub(t, hn::Sub(shifted, magic));
  V p = hn::Set(d, 1.5403530e-4F);
  p = hn::MulAdd(p, f, hn::Set(d, 1.3333558e-3F));
  p = hn::MulAdd(p, f, hn::Set(d, 9.6181291e-3F));
  p = hn::MulAdd(p, f, hn::Set(d, 5.5504109e-2F));
  p = hn::MulAdd(p, f, hn::Set(d, 2.4022651e-1F));
  p = hn::MulAdd(p, f, hn::Set(d, 6.9314718e-1F));
  p = hn::MulAdd(p, f, hn::Set(d, 1.F));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V clampTo(D d, V x, float limit) {
  return hn::Max(hn::Set(d, -limit), hn::Min(hn::Set(d, limit), x));
}

/// 1 / (1 + exp(-x)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V power = fastExp2(d, clampTo(d, hn::Mul(x, hn::Set(d, -1.4426950408889634F)), 126.F));
  return fastReciprocal(d, hn::Add(power, hn::Set(d, 1.F)));
}

/// x * polynomial of x^2 below 0.625 (error 1e-7), 1 - 2 / (1 + exp(2 x)) above.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanhOf(D d, V x) {
  const V u = hn::Mul(x, x);
  V p = hn::Set(d, 0.015050934F);
  p = hn::MulAdd(p, u, hn::Set(d, -0.0518218579F));
  p = hn::MulAdd(p, u, hn::Set(d, 0.133045258F));
  p = hn::MulAdd(p, u, hn::Set(d, -0.333319542F));
  p = hn::MulAdd(p, u, hn::Set(d, 0.999999893F));
  const V one = hn::Set(d, 1.F);
  const V power = fastExp2(d, clampTo(d, hn::Mul(x, hn::Set(d, 2.885390082F)), 60.F));
  const V far = hn::NegMulAdd(hn::Set(d, 2.F), fastReciprocal(d, hn::Add(power, one)), one);
  return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 0.625F)), hn::Mul(x, p), far);
}

/// x * polynomial of x^2 below 0.875, 1 - exp(-x^2) * polynomial of 1 / (1 + 0.4 |x|) above (error 5e-8).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V erfOf(D d, V x) {
  const V u = hn::Mul(x, x);
  V near = hn::Set(d, -0.00062032528F);
  near = hn::MulAdd(near, u, hn::Set(d, 0.00503218088F));
  near = hn::MulAdd(near, u, hn::Set(d, -0.0267914627F));
  near = hn::MulAdd(near, u, hn::Set(d, 0.112824553F));
  near = hn::MulAdd(near, u, hn::Set(d, -0.376125505F));
  near = hn::MulAdd(near, u, hn::Set(d, 1.12837916F));
  const V size = hn::Min(hn::Abs(x), hn::Set(d, 4.2F));
  const V one = hn::Set(d, 1.F);
  const V t = fastReciprocal(d, hn::MulAdd(size, hn::Set(d, 0.4F), one));
  V far = hn::Set(d, -0.200300971F);
  far = hn::MulAdd(far, t, hn::Set(d, 0.727522668F));
  far = hn::MulAdd(far, t, hn::Set(d, -0.427982252F));
  far = hn::MulAdd(far, t, hn::Set(d, 0.538162977F));
  far = hn::MulAdd(far, t, hn::Set(d, 0.119952997F));
  far = hn::MulAdd(far, t, hn::Set(d, 0.244095013F));
  far = hn::MulAdd(far, t, hn::Set(d, -0.00135624452F));
  const V power = fastExp2(d, hn::Mul(hn::Mul(size, size), hn::Set(d, -1.4426950408889634F)));
  const V large = hn::CopySign(hn::NegMulAdd(far, power, one), x);
  return hn::IfThenElse(hn::Lt(size, hn::Set(d, 0.875F)), hn::Mul(x, near), large);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V hardSigmoid(D d, V x, float alpha, float beta) {
  const V line = hn::Add(hn::Mul(x, hn::Set(d, alpha)), hn::Set(d, beta));
  return hn::Max(hn::Zero(d), hn::Min(hn::Set(d, 1.F), line));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V leakyRelu(D d, V x, float slope) {
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(x, hn::Set(d, slope)), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V elu(D d, V x, float slope) {
  const V low = hn::Mul(hn::Set(d, slope), hn::Expm1(d, hn::Min(x, hn::Zero(d))));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), low, x);
}

}  // namespace compress::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
