/* Candlestick patterns, TA-Lib's meaning: 100 where one is found that points up, -100 down, else 0; 80 and -80 where an
 * engulfing or harami is found and one end of the two bodies ties.
 *
 * What "long", "short" and "near" mean is TA-Lib's default settings: the bar is compared with the mean body, or the mean
 * high - low, of the 10 (near, far: 5) bars before it. The first value stands at the bar at which TA-Lib has its first.
 * A family of kernels; see kernel.h. */
#pragma once

#define PATTERN_KERNELS(X) \
    X(CDL_DOJI, cdl_doji) \
    X(CDL_HAMMER, cdl_hammer) \
    X(CDL_HANGING_MAN, cdl_hanging_man) \
    X(CDL_INVERTED_HAMMER, cdl_inverted_hammer) \
    X(CDL_SHOOTING_STAR, cdl_shooting_star) \
    X(CDL_ENGULFING, cdl_engulfing) \
    X(CDL_HARAMI, cdl_harami) \
    X(CDL_MORNING_STAR, cdl_morning_star) \
    X(CDL_EVENING_STAR, cdl_evening_star) \
    X(CDL_THREE_WHITE_SOLDIERS, cdl_three_white_soldiers) \
    X(CDL_THREE_BLACK_CROWS, cdl_three_black_crows) \
    X(CDL_PIERCING, cdl_piercing) \
    X(CDL_DARK_CLOUD_COVER, cdl_dark_cloud_cover) \
    X(CDL_MARUBOZU, cdl_marubozu) \
    X(CDL_SPINNING_TOP, cdl_spinning_top) \
    X(CDL_INSIDE_BAR, cdl_inside_bar)
