%% Chains of float arithmetic in functions called often: results, and which operation it was that has overflowed.
-module(hot_floats).
-export([main/0]).
main() ->
    Vs = [0.0, -0.0, 1.0, -1.5, 2.5e-310, 1.0e154, -1.0e155, 1.7e308, 4.0e-320, 3],
    warm(3000, 0.5),
    [[{A, B, safe(fun() -> chain(A, B, 2.0) end), safe(fun() -> wide(A, B) end), safe(fun() -> over(A, B) end), safe(fun() -> guard(A, B) end),
       safe(fun() -> mixed(A, B, 3) end)} || A <- Vs, B <- Vs], escape(0.3, 0.5), nbody(2000, {0.0, 1.0, 0.5, -0.25})].
warm(0, A) -> A;
warm(N, A) -> chain(A, 1.5, 2.0), wide(A, 0.25), over(A * 1.0e-100, 2.0e-10), guard(A, 1.0), mixed(A, 2.0, N), warm(N - 1, A + 0.001).
safe(F) ->
    try F() catch error:E:S -> [{M, Fun, Args, L} | _] = S, {E, M, Fun, if is_list(Args) -> length(Args); true -> Args end, proplists:get_value(line, L)} end.
chain(A, B, C) when is_float(A), is_float(B) ->
    X = A * B + C,
    Y = X * X - A * C,
    Z = Y / (B * B + 1.0),
    Z + X - Y * 0.5;
chain(A, B, _) -> A + B.
wide(A, B) when is_float(A), is_float(B) ->
    P = A * A, Q = B * B, R = A * B, S = P - Q,
    {P + Q, R * 2.0, S * S,
     if P + Q > 4.0 -> far; P - Q < R -> near; true -> mid end};
wide(_, B) -> B * 1.0e300 * 1.0e300.
over(A, B) when is_float(A), is_float(B) ->
    X = (A * 1.0e200) * (B * 1.0e10),
    1.0 / (X * X + 1.0e-10);
over(A, B) -> A - B.
guard(A, B) when is_float(A), is_float(B), A * B + A > 1.0 -> big;
guard(A, B) when A / B < 1.0; A - B * 1.0e308 < B -> small;
guard(_, _) -> other.
mixed(A, B, K) -> (A + K) * (B - K) - K * A + B / (K + 1).
escape(Cr, Ci) -> escape(0.0, 0.0, Cr, Ci, 0).
escape(_, _, _, _, 1000) -> 1000;
escape(Zr, Zi, Cr, Ci, K) ->
    R2 = Zr * Zr, I2 = Zi * Zi,
    if R2 + I2 > 4.0 -> {K, R2, I2}; true -> escape(R2 - I2 + Cr, 2.0 * Zr * Zi + Ci, Cr, Ci, K + 1) end.
nbody(0, S) -> S;
nbody(N, {X, Y, VX, VY}) ->
    D = math:sqrt(X * X + Y * Y), M = 0.01 / (D * D * D),
    VX2 = VX - X * M, VY2 = VY - Y * M,
    nbody(N - 1, {X + 0.01 * VX2, Y + 0.01 * VY2, VX2, VY2}).
