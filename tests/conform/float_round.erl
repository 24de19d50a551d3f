%% Floats to integers and back.
-module(float_round).
-export([main/0]).
main() ->
    L = [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 2.4999999, 1.0e20, -1.0e20, 1.0e300, 4503599627370496.5, 0.49999999999999994],
    [[trunc(F) || F <- L], [round(F) || F <- L], [floor(F) || F <- L], [ceil(F) || F <- L],
     [float(I) || I <- [0, 1, -1, 1 bsl 53, (1 bsl 53) + 1, 1 bsl 64, (1 bsl 100) + 1, -(1 bsl 80)]],
     [I / 7 || I <- [1, 100, 1 bsl 70, -(1 bsl 90)]], (1 bsl 1023) / (1 bsl 1000), (1 bsl 60) + 0.5, 3 - 1.0e-17,
     math:floor(-1.5), math:ceil(-1.5), math:fmod(7.5, 2), math:fmod(-7, 3), math:pi(), math:sqrt(2), math:pow(2, 0.5), math:atan2(1, -1),
     math:log2(8), math:log10(1000), math:exp(1), math:sin(1), math:cos(1), math:tan(1), math:erf(0.5), math:erfc(0.5), math:sinh(1), math:acosh(2)].
